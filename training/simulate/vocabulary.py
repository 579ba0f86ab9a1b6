"""Words for believable titles: kinds of things, brands, styles, places."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """A family of items that people with one interest buy together.

    Attributes:
        category: Path in the catalogue.
        nouns: What the items are called.
        price: Typical price in euros.
        peak_day: Day of the year when demand is highest; 0 for none.
    """

    category: str
    nouns: tuple[str, ...]
    price: float
    peak_day: int = 0


KINDS: Final = (
    Kind("Sport > Running", ("Running Shoes", "Running Socks", "Race Belt", "Singlet"), 45, 120),
    Kind("Home > Coffee", ("Espresso Beans", "Coffee Grinder", "Filter Papers", "Mug"), 22),
    Kind("Garden > Plants", ("Seed Mix", "Watering Can", "Plant Pot", "Secateurs"), 18, 115),
    Kind("Baby > Care", ("Nappies", "Baby Lotion", "Muslin Cloths", "Bottle Set"), 20),
    Kind("Food > Vegan", ("Oat Drink", "Lentil Pasta", "Nut Butter", "Tofu"), 5),
    Kind("Electronics > Audio", ("Headphones", "Speaker", "Earbuds", "Audio Cable"), 79, 340),
    Kind("Toys > Building", ("Brick Set", "Marble Run", "Puzzle", "Wooden Train"), 30, 345),
    Kind("Pets > Dogs", ("Dog Food", "Lead", "Chew Toy", "Dog Bed"), 24),
    Kind("Fashion > Denim", ("Jeans", "Denim Jacket", "Shirt", "Belt"), 55, 260),
    Kind("Beauty > Skin", ("Face Cream", "Cleansing Gel", "Sun Milk", "Serum"), 19, 180),
    Kind("Sport > Cycling", ("Bike Light", "Cycling Jersey", "Inner Tube", "Helmet"), 35, 140),
    Kind("Home > Kitchen", ("Frying Pan", "Chef's Knife", "Cutting Board", "Whisk"), 32),
    Kind("Outdoor > Camping", ("Tent", "Sleeping Bag", "Head Torch", "Camping Stove"), 85, 175),
    Kind("Books > Crime", ("Crime Novel", "Detective Story", "Thriller", "Case File"), 12),
    Kind("Food > Baking", ("Bread Flour", "Baking Tin", "Vanilla Sugar", "Rolling Pin"), 8, 340),
    Kind("Electronics > Gaming", ("Controller", "Gaming Mouse", "Headset", "Keyboard"), 59, 345),
    Kind("Sport > Yoga", ("Yoga Mat", "Leggings", "Yoga Block", "Bolster"), 34, 10),
    Kind("Home > Bath", ("Bath Towel", "Bath Mat", "Soap Dish", "Shower Curtain"), 21),
    Kind("Food > Wine", ("Red Wine", "White Wine", "Sparkling Wine", "Wine Glasses"), 14, 350),
    Kind("Fashion > Shoes", ("Sneakers", "Ankle Boots", "Loafers", "Sandals"), 69, 90),
    Kind("DIY > Tools", ("Cordless Drill", "Hammer", "Screwdriver Set", "Spirit Level"), 48, 100),
    Kind("Pets > Cats", ("Cat Food", "Scratching Post", "Cat Litter", "Feather Toy"), 17),
    Kind("Stationery > Art", ("Sketchbook", "Watercolour Set", "Brush Set", "Pencils"), 16, 240),
    Kind("Winter > Ski", ("Ski Goggles", "Ski Gloves", "Base Layer", "Ski Socks"), 49, 15),
)

BRANDS: Final = (
    "Nordvik", "Alba & Co", "Kessler", "Luma", "Tarn", "Bellamy", "Osprey Lane", "Quillon",
    "Havel", "Mirador", "Fjordline", "Pemberton", "Solano", "Ikarus", "Juniper Hill", "Vantage",
    "Corvo", "Wexley", "Amarant", "Brightwater", "Dunmore", "Estrella", "Fennimore", "Greta",
)  # fmt: skip

STYLES: Final = (
    "Classic", "Eco", "Pro", "Compact", "Premium", "Everyday", "Heritage", "Light", "Urban",
    "Essential",
)  # fmt: skip

VARIANTS: Final = (
    "Black", "White", "Olive", "Navy", "Coral", "Sand", "Small", "Medium", "Large", "Family Pack",
    "Twin Pack", "Limited Edition",
)  # fmt: skip

CITIES: Final = (
    ("Berlin", 52.520, 13.405), ("Hamburg", 53.551, 9.994), ("Munich", 48.137, 11.575),
    ("Cologne", 50.938, 6.960), ("Vienna", 48.208, 16.374), ("Zurich", 47.377, 8.541),
    ("Prague", 50.076, 14.437), ("Paris", 48.857, 2.352), ("Lyon", 45.764, 4.836),
    ("Brussels", 50.850, 4.352), ("Amsterdam", 52.367, 4.904), ("Copenhagen", 55.676, 12.568),
    ("Stockholm", 59.329, 18.069), ("Milan", 45.464, 9.190), ("Madrid", 40.417, -3.704),
    ("Lisbon", 38.722, -9.139), ("London", 51.507, -0.128), ("Leeds", 53.801, -1.549),
    ("Dublin", 53.350, -6.260), ("Warsaw", 52.230, 21.012),
)  # fmt: skip

STREETS: Final = ("Market Square", "High Street", "Station", "Riverside", "Arcades", "Old Town",
                  "North Park", "Harbour", "University", "Retail Park")  # fmt: skip
