"""Photos of shops and of their offers: developed in a process apart, kept in the database, named by their content."""

from citylife.photos.developing import (
    MOST_BYTES,
    Darkroom,
    DarkroomFull,
    Developed,
    PhotoTooHeavy,
    PhotoTooLarge,
    PhotoTooSmall,
    PhotoUnreadable,
    Picture,
)
from citylife.photos.keeping import (
    PHOTOS,
    PhotoUnknown,
    TooManyPhotos,
    content_of,
    front_with,
    fronts_of,
    keep_photo,
    photos_of,
    take_photo,
)
from citylife.photos.tables import Photo, PhotoFile, Size

__all__ = [
    "MOST_BYTES",
    "PHOTOS",
    "Darkroom",
    "DarkroomFull",
    "Developed",
    "Photo",
    "PhotoFile",
    "PhotoTooHeavy",
    "PhotoTooLarge",
    "PhotoTooSmall",
    "PhotoUnknown",
    "PhotoUnreadable",
    "Picture",
    "Size",
    "TooManyPhotos",
    "content_of",
    "front_with",
    "fronts_of",
    "keep_photo",
    "photos_of",
    "take_photo",
]
