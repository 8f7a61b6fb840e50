"""Photos: where each size of one is read, for everybody."""

from schemas.fields import Identity, Part, Resource, Said, Whole


class PictureSchema(Resource):
    """A photo in one size, in WebP."""

    url = Said(
        metadata={
            "description": "From the root of this host; what is there never changes",
            "example": "/photos/01936f2b-7c4e-8d10-9a55-3f0c2b8e6d41/large.webp",
        }
    )
    width = Whole(metadata={"description": "Points", "example": 1280})
    height = Whole(metadata={"example": 960})


class PhotoSchema(Resource):
    """A photo, where there is room for it and where there is little (phones, lists)."""

    id = Identity(metadata={"description": "A digest of the shop and the photo: the same photo has the same id"})
    large = Part(PictureSchema)
    small = Part(PictureSchema)
