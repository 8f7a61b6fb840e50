// True distances between points that are near: metres on the WGS 84 ellipsoid, in the plane that touches it halfway.

const SEMI_MAJOR = 6_378_137;
const ECCENTRICITY_SQUARED = 0.00669437999014;

/** Metres between two points ({latitude, longitude} in degrees); within a centimetre up to 20 km, here. */
export function metresBetween(one, other) {
  const half = ((one.latitude + other.latitude) / 2) * (Math.PI / 180);
  const bend = 1 - ECCENTRICITY_SQUARED * Math.sin(half) ** 2;
  const degree = SEMI_MAJOR * (Math.PI / 180);
  const north = (degree * (1 - ECCENTRICITY_SQUARED)) / bend ** 1.5;
  const east = (degree / Math.sqrt(bend)) * Math.cos(half);
  return Math.hypot((one.latitude - other.latitude) * north, (one.longitude - other.longitude) * east);
}
