"""Take a song apart into stems that sum to it again."""

from stemwright.separation.choose import SEPARATORS, choose_separator
from stemwright.separation.given import stems_from_folder
from stemwright.separation.protocol import Announce, Quality, Separated, Separator, Tell

__all__ = [
    "SEPARATORS",
    "Announce",
    "Quality",
    "Separated",
    "Separator",
    "Tell",
    "choose_separator",
    "stems_from_folder",
]
