"""Everyday things: animals, colours, objects, food, jobs, the body, words and their meaning."""

from __future__ import annotations

from .facts import Fact, Kind
from .tables import (
    asked,
    capitalized,
    columns,
    facts_with,
    names_elsewhere,
    noun_forms,
    on_topic,
    other_names,
    with_article,
)

ANIMALS = """
dog        | woof    | four  | mammal    | puppy    | in a house with people
cat        | meow    | four  | mammal    | kitten   | in a house with people
cow        | moo     | four  | mammal    | calf     | on a farm
sheep      | baa     | four  | mammal    | lamb     | on a farm
pig        | oink    | four  | mammal    | piglet   | on a farm
horse      | neigh   | four  | mammal    | foal     | in a stable
goat       | bleat   | four  | mammal    | kid      | on a farm
donkey     | hee-haw | four  | mammal    | foal     | in a stable
duck       | quack   | two   | bird      | duckling | on a pond
hen        | cluck   | two   | bird      | chick    | on a farm
goose      | honk    | two   | bird      | gosling  | on a pond
owl        | hoot    | two   | bird      | -        | in a forest
crow       | caw     | two   | bird      | -        | in fields and parks
sparrow    | chirp   | two   | bird      | -        | in gardens
eagle      | -       | two   | bird      | -        | in the mountains
swan       | -       | two   | bird      | cygnet   | on a lake
penguin    | -       | two   | bird      | chick    | in Antarctica
parrot     | squawk  | two   | bird      | -        | in the jungle
lion       | roar    | four  | mammal    | cub      | in the savanna
tiger      | -       | four  | mammal    | cub      | in the jungle
wolf       | howl    | four  | mammal    | -        | in a forest
fox        | -       | four  | mammal    | cub      | in a forest
bear       | growl   | four  | mammal    | cub      | in a forest
deer       | -       | four  | mammal    | fawn     | in a forest
squirrel   | -       | four  | mammal    | -        | in a forest
elephant   | -       | four  | mammal    | calf     | in the savanna
giraffe    | -       | four  | mammal    | calf     | in the savanna
zebra      | -       | four  | mammal    | foal     | in the savanna
monkey     | -       | -     | mammal    | -        | in the jungle
camel      | -       | four  | mammal    | calf     | in the desert
kangaroo   | -       | -     | mammal    | joey     | in Australia
mouse      | squeak  | four  | mammal    | -        | in a hole
rabbit     | -       | four  | mammal    | -        | in a burrow
whale      | -       | -     | mammal    | calf     | in the sea
dolphin    | click   | -     | mammal    | calf     | in the sea
shark      | -       | -     | fish      | -        | in the sea
salmon     | -       | -     | fish      | -        | -
trout      | -       | -     | fish      | -        | in rivers
frog       | ribbit  | four  | amphibian | tadpole  | in a pond
snake      | hiss    | -     | reptile   | -        | in warm places
crocodile  | -       | four  | reptile   | -        | in swamps
bee        | buzz    | six   | insect    | -        | in a hive
ant        | -       | six   | insect    | -        | in an anthill
butterfly  | -       | six   | insect    | -        | in meadows
spider     | -       | eight | arachnid  | -        | in a web
"""

FLYING = "owl crow sparrow eagle swan duck goose parrot bee butterfly bat"
NOT_FLYING = "penguin ostrich dog cat cow pig horse lion elephant frog snake whale shark spider"

COLOURS = """
a banana         | yellow
the sky          | blue
grass            | green
blood            | red
snow             | white
coal             | black
a lemon          | yellow
a tomato         | red
a strawberry     | red
milk             | white
chocolate        | brown
a carrot         | orange
a pumpkin        | orange
the sun          | yellow
the sea          | blue
a leaf           | green
a cucumber       | green
a flamingo       | pink
an elephant      | grey
a swan           | white
a frog           | green
a fire engine    | red
salt             | white
honey            | golden
a polar bear     | white
an aubergine     | purple
a cherry         | red
spinach          | green
the night        | black
wood             | brown
"""

ALSO_COLOURED = {
    "a banana": ("green",),
    "the sky": ("grey", "black"),
    "grass": ("yellow", "brown"),
    "coal": ("grey",),
    "a lemon": ("green",),
    "a tomato": ("green", "yellow", "orange"),
    "chocolate": ("white", "black"),
    "a carrot": ("purple", "yellow"),
    "a pumpkin": ("yellow", "green"),
    "the sun": ("white", "orange", "red", "golden"),
    "the sea": ("green", "grey"),
    "a leaf": ("yellow", "red", "brown", "orange"),
    "a flamingo": ("orange", "white", "red"),
    "an elephant": ("brown",),
    "a swan": ("black", "grey"),
    "a frog": ("brown", "yellow", "red"),
    "salt": ("pink", "grey"),
    "honey": ("yellow", "brown", "orange"),
    "an aubergine": ("white", "black"),
    "a cherry": ("black", "yellow"),
    "the night": ("blue", "grey"),
    "wood": ("white", "red", "yellow", "black", "golden"),
}
"""No question about these colours is answered by "no"."""

MIXTURES = """
red    | yellow | orange
blue   | yellow | green
red    | blue   | purple
black  | white  | grey
red    | white  | pink
"""

OBJECTS = """
hammer      | driving nails         | in a toolbox
saw         | cutting wood          | in a toolbox
screwdriver | turning screws        | in a toolbox
ruler       | measuring lengths     | on a desk
pencil      | writing and drawing   | -
pen         | writing               | on a desk
eraser      | removing pencil marks | -
notebook    | taking notes          | in a school bag
knife       | cutting food          | in the kitchen
fork        | picking up food       | in the kitchen
spoon       | eating soup           | in the kitchen
plate       | serving meals         | -
cup         | drinking tea          | in the kitchen
kettle      | boiling water         | in the kitchen
oven        | baking cakes          | in the kitchen
fridge      | keeping food cold     | in the kitchen
pan         | frying eggs           | in the kitchen
towel       | drying the skin       | in the bathroom
toothbrush  | cleaning the teeth    | in the bathroom
comb        | tidying the hair      | -
mirror      | seeing oneself        | in the bathroom
bathtub     | taking a bath         | in the bathroom
pillow      | resting the head      | -
bed         | sleeping              | in the bedroom
blanket     | keeping warm          | in the bedroom
wardrobe    | storing clothes       | in the bedroom
sofa        | sitting together      | in the living room
lamp        | giving light          | in the living room
television  | watching films        | in the living room
bookshelf   | keeping books         | -
clock       | telling the time      | on the wall
broom       | sweeping the floor    | in the cupboard
bucket      | carrying water        | in the cupboard
umbrella    | staying dry           | in the hall
key         | opening a lock        | in the hall
coat        | keeping warm          | -
rake        | gathering leaves      | in the garden shed
spade       | digging holes         | -
lawnmower   | cutting grass         | in the garden shed
ladder      | climbing up           | in the garage
car         | driving on roads      | in the garage
bicycle     | riding                | in the garage
scissors    | cutting paper         | on a desk
telescope   | looking at the stars  | in an observatory
microscope  | looking at tiny things | -
thermometer | measuring temperature | in a medicine cabinet
bandage     | covering a wound      | in a medicine cabinet
needle      | sewing                | in a sewing box
candle      | giving light          | -
wallet      | carrying money        | in a pocket
"""

FOODS = """
apple       | fruit
banana      | fruit
pear        | fruit
cherry      | fruit
plum        | fruit
peach       | fruit
lemon       | fruit
mango       | fruit
melon       | fruit
strawberry  | fruit
raspberry   | fruit
pineapple   | fruit
apricot     | fruit
kiwi        | fruit
carrot      | vegetable
potato      | vegetable
onion       | vegetable
cabbage     | vegetable
cauliflower | vegetable
leek        | vegetable
radish      | vegetable
turnip      | vegetable
beetroot    | vegetable
artichoke   | vegetable
parsnip     | vegetable
"""

MADE_FROM = """
bread     | flour
cheese    | milk
butter    | milk
wine      | grapes
beer      | barley
chocolate | cocoa beans
pasta     | flour
jam       | fruit and sugar
yoghurt   | milk
chips     | potatoes
omelettes | eggs
ketchup   | tomatoes
tofu      | soya beans
cider     | apples
"""

JOBS = """
baker        | bakes bread
teacher      | gives lessons
doctor       | treats sick people
nurse        | cares for patients
farmer       | grows crops
firefighter  | puts out fires
pilot        | flies planes
cook         | prepares meals
butcher      | sells meat
carpenter    | makes things of wood
plumber      | repairs pipes
electrician  | lays electric cables
mechanic     | repairs cars
tailor       | sews clothes
hairdresser  | cuts hair
dentist      | looks after teeth
judge        | decides in court
author       | writes books
journalist   | writes for newspapers
musician     | plays an instrument
painter      | makes pictures
architect    | designs houses
gardener     | looks after plants
postman      | delivers letters
waiter       | brings food to the table
librarian    | lends books
fisherman    | catches fish
vet          | treats sick animals
astronaut    | travels into space
programmer   | writes software
"""

ALSO_WORKING = {
    "doctor": ("nurse",),
    "nurse": ("doctor", "dentist"),
    "author": ("journalist", "librarian"),
    "journalist": ("author",),
    "cook": ("baker", "waiter"),
    "baker": ("cook",),
    "farmer": ("gardener",),
    "gardener": ("farmer",),
    "waiter": ("cook",),
    "electrician": ("mechanic",),
    "pilot": ("astronaut",),
}
"""Who does the same work now and then, so that nobody is told "no"."""

BODY = """
see        | eyes
hear       | ears
smell      | nose
taste      | tongue
chew       | teeth
think      | brain
walk       | legs
hold things | hands
breathe    | lungs
feel       | skin
pump blood | heart
"""

ALSO_OF_THE_BODY = {
    "feel": ("hands", "tongue", "brain", "heart"),
    "taste": ("nose",),
    "breathe": ("nose",),
    "hold things": ("teeth", "legs"),
    "chew": ("tongue",),
    "see": ("brain",),
    "hear": ("brain",),
}

OPPOSITES = """
big      | small
hot      | cold
old      | young
fast     | slow
high     | low
long     | short
light    | dark
full     | empty
rich     | poor
strong   | weak
wet      | dry
happy    | sad
open     | closed
loud     | quiet
early    | late
near     | far
thick    | thin
clean    | dirty
good     | bad
left     | right
up       | down
day      | night
begin    | end
buy      | sell
"""

PLURALS = """
child | children
man   | men
woman | women
foot  | feet
tooth | teeth
goose | geese
mouse | mice
ox    | oxen
leaf  | leaves
knife | knives
wife  | wives
life  | lives
wolf  | wolves
half  | halves
shelf | shelves
loaf  | loaves
thief | thieves
calf  | calves
city  | cities
baby  | babies
story | stories
country | countries
box   | boxes
bus   | buses
watch | watches
potato | potatoes
tomato | tomatoes
hero  | heroes
house | houses
crisis | crises
"""

MATERIALS = """
windows     | glass
bottles     | glass
tables      | wood
bookshelves | wood
tyres       | rubber
coins       | metal
nails       | metal
books       | paper
candles     | wax
shirts      | cotton
towels      | cotton
pullovers   | wool
shoes       | leather
wallets     | leather
bricks      | clay
tin cans    | metal
"""

SHAPES = """
triangle | three
square   | four
rectangle | four
pentagon | five
hexagon  | six
octagon  | eight
"""

MAKERS = """
written  | wrote    | Hamlet                       | William Shakespeare
written  | wrote    | Romeo and Juliet             | William Shakespeare
written  | wrote    | Faust                        | Johann Wolfgang von Goethe
written  | wrote    | Don Quixote                  | Miguel de Cervantes
written  | wrote    | War and Peace                | Leo Tolstoy
written  | wrote    | Oliver Twist                 | Charles Dickens
written  | wrote    | Pride and Prejudice          | Jane Austen
written  | wrote    | the Divine Comedy            | Dante
written  | wrote    | the Odyssey                  | Homer
written  | wrote    | Frankenstein                 | Mary Shelley
painted  | painted  | the Mona Lisa                | Leonardo da Vinci
painted  | painted  | The Starry Night             | Vincent van Gogh
painted  | painted  | Guernica                     | Pablo Picasso
painted  | painted  | The Scream                   | Edvard Munch
composed | composed | the Moonlight Sonata         | Ludwig van Beethoven
composed | composed | The Magic Flute              | Wolfgang Amadeus Mozart
composed | composed | The Four Seasons             | Antonio Vivaldi
invented | invented | the telephone                | Alexander Graham Bell
invented | invented | dynamite                     | Alfred Nobel
invented | invented | the World Wide Web           | Tim Berners-Lee
discovered | discovered | radium                   | Marie Curie
discovered | discovered | penicillin               | Alexander Fleming
"""

ALSO_MADE_BY = {"radium": ("Pierre Curie",)}

MAKERS_ELSEWHERE = """
Homer             | -           | Homère           | Homero       | Omero
Leo Tolstoy       | Leo Tolstoi | Léon Tolstoï     | León Tolstói | Lev Tolstoj
Leonardo da Vinci | -           | Léonard de Vinci | -            | -
"""
"""Those with other names in German, French, Spanish, Italian."""

SORTS = """
rose      | flower
tulip     | flower
daisy     | flower
oak       | tree
birch     | tree
pine      | tree
violin    | musical instrument
piano     | musical instrument
guitar    | musical instrument
flute     | musical instrument
drum      | musical instrument
trumpet   | musical instrument
ruby      | precious stone
emerald   | precious stone
diamond   | precious stone
bus       | vehicle
lorry     | vehicle
tram      | vehicle
shirt     | piece of clothing
jacket    | piece of clothing
skirt     | piece of clothing
chair     | piece of furniture
table     | piece of furniture
cupboard  | piece of furniture
football match | sports event
poem      | piece of writing
novel     | piece of writing
"""

STATES = """
ice    | solid
stone  | solid
iron   | solid
wood   | solid
water  | liquid
oil    | liquid
milk   | liquid
juice  | liquid
air    | gas
steam  | gas
oxygen | gas
helium | gas
"""

TEMPERATURES = """
water boil      | Water boils    | 100
water freeze    | Water freezes  | 0
ice melt        | Ice melts      | 0
"""

DEFINITIONS = """
map        | a drawing that shows where places are
bridge     | a way over a river or a road
island     | land with water all around it
hotel      | a house where travellers pay to sleep
restaurant | a place where meals are served to guests
museum     | a building where old or beautiful things are shown
library    | a place where one can borrow books
hospital   | a building where sick people are treated
school     | a place where children learn
bakery     | a shop that sells bread and cakes
market     | a place where people buy and sell goods
station    | a place where trains stop
airport    | a place where planes take off and land
harbour    | a safe place for ships on the coast
castle     | a strong old building with thick walls
church     | a building where Christians pray
farm       | land where food is grown and animals are kept
garden     | a piece of ground for flowers and vegetables
park       | a green place in a town for everyone
forest     | a large area full of trees
mountain   | a very high hill
valley     | low land between hills
river      | a large stream of water that flows over land
lake       | a large area of water with land on all sides
desert     | a dry area where hardly anything grows
beach      | sand or stones at the edge of the sea
volcano    | an opening in the ground that throws out hot rock
village    | a place with a few houses in the country
city       | a very large town
capital    | the city from which a country is governed
border     | the line between two countries
passport   | a document for travelling to other countries
ticket     | a paper that shows that one has paid
letter     | a written message sent by post
dictionary | a book that explains words
calendar   | a list of the days of a year
recipe     | a text that tells how to cook a dish
theatre    | a place where plays are performed
cinema     | a place where films are shown
bank       | a place where people keep their money
"""

COMPUTING = """
file       | a named piece of stored data
folder     | a place that holds files
program    | a list of instructions for a computer
screen     | the part of a computer that shows pictures
mouse      | a small device that moves the pointer
keyboard   | a set of keys for typing
printer    | a device that puts text on paper
network    | a group of connected computers
server     | a computer that works for other computers
browser    | a program that shows web pages
website    | a set of pages on the internet
password   | a secret word that proves who you are
database   | an ordered store of data
virus      | a program that harms computers and spreads itself
backup     | a second copy of data in case the first is lost
processor  | the part of a computer that calculates
byte       | eight bits of data
bit        | a value that is either zero or one
bug        | a mistake in a program
loop       | a part of a program that is repeated
variable   | a name that stands for a value
function   | a named part of a program that can be called
router     | a device that passes data between networks
email      | a message sent from computer to computer
link       | a text that leads to another page when clicked
"""

ANIMAL_ENTRIES = [
    {**entry, **noun_forms(entry["animal"])}
    for entry in columns(ANIMALS, "animal", "sound", "legs", "class", "young", "home")
]


def kinds() -> tuple[Kind, ...]:
    return (
        *on_topic("animals", _animals()),
        *on_topic("colours", _colours()),
        *_objects(),
        *on_topic("food", _food()),
        *_jobs(),
        _body(),
        *_words(),
        *_matter(),
        _shapes(),
        _makers(),
        *_science(),
        _definitions("definition_everyday", "thing", DEFINITIONS),
        _definitions("definition_computing", "term", COMPUTING),
    )


def _animals() -> tuple[Kind, ...]:
    return (*(_animal_sound(), _animal_legs(), _animal_class(), _animal_young(), _animal_home(), _animal_flight()),)


def _animal_sound() -> Kind:
    return asked(
        "what sound {a} makes",
        Kind(
            name="animal_sound",
            subject="animal",
            answer="sound",
            questions=(
                "What sound does {a} make?",
                "What does {a} say?",
                "Which sound do {many} make?",
                "What noise does {a} make?",
                "The sound of {a}?",
                "How does {a} sound?",
                "Name the sound of {a}.",
            ),
            held_out=("Which noise do {many} make?",),
            plain=(
                "{A} makes the sound {sound}.",
                "The sound of {a} is {sound}.",
                "The sound that {many} make is {sound}.",
            ),
            short=("The sound is {sound}.",),
            statements=(
                "{A} makes the sound {sound}.",
                "The sound of {a} is {sound}.",
                "On hearing {sound}, one thinks of {a}.",
                "{Many} make the sound {sound}.",
            ),
            follow_ups=("And {a}?", "What about {a}?", "And {many}?"),
            follow_ups_on_subject=("And what sound does it make?", "What does it say?"),
            facts=facts_with(ANIMAL_ENTRIES, "sound"),
        ),
    )


def _animal_legs() -> Kind:
    return asked(
        "how many legs {a} has",
        Kind(
            name="animal_legs",
            subject="animal",
            answer="legs",
            questions=(
                "How many legs does {a} have?",
                "How many legs do {many} have?",
                "On how many legs does {a} walk?",
                "Number of legs of {a}?",
                "What is the number of legs of {a}?",
                "Count the legs of {a}.",
                "How many legs has {a} got?",
            ),
            held_out=("How many legs have {many} got?",),
            plain=("{A} has {legs} legs.", "{Many} have {legs} legs.", "The number of legs of {a} is {legs}."),
            short=("It has {legs}.",),
            statements=(
                "{A} has {legs} legs.",
                "{Many} have {legs} legs.",
                "{Many} walk on {legs} legs.",
                "With its {legs} legs {a} gets about.",
            ),
            follow_ups=("And {a}?", "What about {a}?", "And {many}?"),
            follow_ups_on_subject=("And how many legs does it have?", "How many legs has it got?"),
            checks=(
                "Does {a} have {legs} legs?",
                "Do {many} have {legs} legs?",
                "Has {a} got {legs} legs?",
                "Does {a} walk on {legs} legs?",
                "Are there {legs} legs on {a}?",
            ),
            facts=facts_with(ANIMAL_ENTRIES, "legs"),
        ),
    )


def _animal_class() -> Kind:
    entries = [{**entry, "a_class": with_article(entry["class"])} for entry in ANIMAL_ENTRIES]
    return asked(
        "what kind of animal {a} is",
        Kind(
            name="animal_class",
            subject="animal",
            answer="class",
            questions=(
                "What kind of animal is {a}?",
                "Which class of animals does {a} belong to?",
                "What sort of animal is {a}?",
                "To which group of animals do {many} belong?",
                "What type of animal is {a}?",
                "Name the class of {a}.",
                "{A} is what kind of animal?",
            ),
            held_out=("Which group of animals does {a} belong to?",),
            plain=("{A} is {a_class}.", "{A} is classed as {a_class}.", "{A} counts as {a_class}."),
            short=("It is {a_class}.",),
            statements=(
                "{A} is {a_class}.",
                "Every {animal} is {a_class}.",
                "Among animals, {a} counts as {a_class}.",
                "An example of {a_class} is {a}.",
            ),
            follow_ups=("And {a}?", "What about {a}?"),
            follow_ups_on_subject=("And what kind of animal is it?", "Which class does it belong to?"),
            checks=(
                "Is {a} {a_class}?",
                "Does {a} count as {a_class}?",
                "Would you call {a} {a_class}?",
                "Is every {animal} {a_class}?",
            ),
            facts=facts_with(entries, "class"),
        ),
    )


def _animal_young() -> Kind:
    entries = [{**entry, "a_young": with_article(entry["young"])} for entry in ANIMAL_ENTRIES if "young" in entry]
    return asked(
        "what the young of {a} is called",
        Kind(
            name="animal_young",
            subject="animal",
            answer="young",
            questions=(
                "What is the young of {a} called?",
                "What do you call the young of {a}?",
                "What is a baby {animal} called?",
                "What do you call a baby {animal}?",
                "Name the young of {a}.",
                "The word for a baby {animal}?",
                "Which word means a young {animal}?",
            ),
            held_out=("What do you call a young {animal}?",),
            plain=(
                "The young of {a} is called {a_young}.",
                "A baby {animal} is called {a_young}.",
                "A young {animal} is {a_young}.",
            ),
            short=("It is called {a_young}.",),
            statements=(
                "The young of {a} is called {a_young}.",
                "A baby {animal} is called {a_young}.",
                "{A} was once {a_young}.",
                "The word for a baby {animal} is {young}.",
            ),
            follow_ups=("And of {a}?", "What about the young of {a}?"),
            follow_ups_on_subject=("And what is its young called?", "What do you call its young?"),
            checks=(
                "Is the young of {a} called {a_young}?",
                "Is {a_young} a young {animal}?",
                "Is a baby {animal} called {a_young}?",
                "Does one call the young of {a} {a_young}?",
            ),
            facts=facts_with(entries, "young"),
        ),
    )


def _animal_flight() -> Kind:
    """Asked so that the answer is yes or no."""
    entries = [
        {"animal": animal, "flight": flight, "Verdict": verdict, **noun_forms(animal)}
        for animals, flight, verdict in ((FLYING, "can fly", "Yes"), (NOT_FLYING, "cannot fly", "No"))
        for animal in animals.split()
    ]
    return asked(
        "whether {a} is able to fly",
        Kind(
            name="animal_flight",
            subject="animal",
            answer="flight",
            questions=(
                "Can {a} fly?",
                "Can {many} fly?",
                "Is {a} able to fly?",
                "Are {many} able to fly?",
                "Does {a} fly?",
                "Do {many} fly?",
                "Is it true that {a} is able to fly?",
                "{Many} fly, right?",
                "Can every {animal} fly?",
            ),
            held_out=("Is it possible for {a} to fly?",),
            plain=("{Verdict}, {a} {flight}.", "{Verdict}. {A} {flight}.", "{Verdict}, {many} {flight}."),
            short=("{Verdict}, it {flight}.",),
            statements=(
                "{A} {flight}.",
                "{Many} {flight}.",
                "We know that {a} {flight}.",
                "It is true that {many} {flight}.",
            ),
            follow_ups=("And {a}?", "What about {a}?", "And {many}?"),
            follow_ups_on_subject=("And is it able to fly?", "And does it fly?"),
            facts=tuple(Fact(entry) for entry in entries),
            weight=1.5,
        ),
    )


def _animal_home() -> Kind:
    return asked(
        "where {a} lives",
        Kind(
            name="animal_home",
            subject="animal",
            answer="home",
            questions=(
                "Where does {a} live?",
                "Where do {many} live?",
                "Where can one find {a}?",
                "What is the home of {a}?",
                "Where would I look for {a}?",
                "Where are {many} at home?",
                "The home of {a}?",
            ),
            held_out=("Where would I find {many}?",),
            plain=("{A} lives {home}.", "{Many} live {home}.", "You can find {a} {home}."),
            short=("It lives {home}.",),
            statements=(
                "{A} lives {home}.",
                "{Many} live {home}.",
                "One finds {many} {home}.",
                "The home of {a} is {home}.",
            ),
            follow_ups=("And {a}?", "What about {a}?", "And {many}?"),
            follow_ups_on_subject=("And where does it live?", "Where is it at home?"),
            facts=facts_with(ANIMAL_ENTRIES, "home"),
        ),
    )


def _colours() -> tuple[Kind, ...]:
    things = [{**entry, "Thing": capitalized(entry["thing"])} for entry in columns(COLOURS, "thing", "colour")]
    colour = asked(
        "what colour {thing} is",
        Kind(
            name="colour",
            subject="thing",
            answer="colour",
            questions=(
                "What colour is {thing}?",
                "Which colour is {thing}?",
                "What is the colour of {thing}?",
                "The colour of {thing}?",
                "Name the colour of {thing}.",
                "{Thing}: which colour?",
                "In what colour would you paint {thing}?",
            ),
            held_out=("Which is the colour of {thing}?",),
            plain=("{Thing} is {colour}.", "The colour of {thing} is {colour}.", "{Thing} has the colour {colour}."),
            short=("It is {colour}.", "The colour is {colour}."),
            statements=(
                "{Thing} is {colour}.",
                "The colour of {thing} is {colour}.",
                "In pictures, {thing} is mostly {colour}.",
                "When we think of {colour}, we may think of {thing}.",
            ),
            follow_ups=("And {thing}?", "What about {thing}?", "And the colour of {thing}?"),
            checks=(
                "Is {thing} {colour}?",
                "Does {thing} have the colour {colour}?",
                "Is the colour of {thing} {colour}?",
                "Is {colour} the colour of {thing}?",
            ),
            facts=tuple(Fact(entry, also=ALSO_COLOURED.get(entry["thing"], ())) for entry in things),
        ),
    )
    pairs = [
        {"pair": f"{first} and {second}", "Pair": f"{capitalized(first)} and {second}", "mixture": mixture}
        for first, second, mixture in (entry.values() for entry in columns(MIXTURES, "first", "second", "mixture"))
    ]
    mixing = asked(
        "which colour {pair} make",
        Kind(
            name="colour_mixture",
            subject="pair",
            answer="mixture",
            questions=(
                "Which colour do {pair} make?",
                "What colour do you get from {pair}?",
                "What do you get if you mix {pair}?",
                "What happens when I mix {pair}?",
                "{Pair} make which colour?",
                "Mix {pair}: which colour is it?",
                "What is the mixture of {pair}?",
            ),
            held_out=("Which colour do you get if you mix {pair}?",),
            plain=(
                "{Pair} make {mixture}.",
                "If you mix {pair}, you get {mixture}.",
                "The mixture of {pair} is {mixture}.",
            ),
            short=("They make {mixture}.",),
            statements=(
                "{Pair} make {mixture}.",
                "If you mix {pair}, you get {mixture}.",
                "The mixture of {pair} is {mixture}.",
                "Painters mix {pair} to get {mixture}.",
            ),
            follow_ups=("And {pair}?", "What about {pair}?"),
            checks=("Do {pair} make {mixture}?",),
            facts=facts_with(pairs),
            weight=0.6,
        ),
    )
    return (colour, mixing)


def _objects() -> tuple[Kind, ...]:
    entries = [_object_forms(entry) for entry in columns(OBJECTS, "object", "use", "place")]
    use = asked(
        "what {a} {is} used for",
        Kind(
            name="object_use",
            subject="object",
            answer="use",
            questions=(
                "What {is} {a} used for?",
                "What {is} {a} for?",
                "For what do people use {a}?",
                "What do we need {a} for?",
                "For what purpose do we have {a}?",
                "The use of {a}?",
                "What is the use of {a}?",
                "Why do people have {a}?",
            ),
            held_out=("For what do we need {a}?",),
            plain=("{A} {is} used for {use}.", "People use {a} for {use}.", "You need {a} for {use}."),
            short=("For {use}.",),
            statements=(
                "{A} {is} used for {use}.",
                "People use {a} for {use}.",
                "For {use} one takes {a}.",
                "We need {a} for {use}.",
            ),
            follow_ups=("And {a}?", "What about {a}?"),
            follow_ups_on_subject=("And the use?", "And what is the use?"),
            facts=facts_with(entries),
        ),
    )
    place = asked(
        "where {a} {is} kept",
        Kind(
            name="object_place",
            subject="object",
            answer="place",
            questions=(
                "Where {is} {a} kept?",
                "Where can I find {a}?",
                "Where do people keep {a}?",
                "Where does one find {a}?",
                "Where should I look for {a}?",
                "Where {is} {a} found?",
                "I need {a}. Where do I look?",
            ),
            held_out=("Where does one keep {a}?",),
            plain=("You can find {a} {place}.", "{A} {is} kept {place}.", "People keep {a} {place}."),
            short=("Look {place}.",),
            statements=(
                "{A} {is} kept {place}.",
                "One finds {a} {place}.",
                "People keep {a} {place}.",
                "Whoever needs {a} looks {place}.",
            ),
            follow_ups=("And {a}?", "What about {a}?"),
            follow_ups_on_subject=("And the usual place?", "And where do I have to look?"),
            facts=facts_with(entries, "place"),
            weight=0.8,
        ),
    )
    return (use, place)


def _object_forms(entry: dict[str, str]) -> dict[str, str]:
    """The entry with its article and verb: scissors are many and have no article."""
    name = entry["object"]
    if name == "scissors":
        return {**entry, "a": name, "A": capitalized(name), "many": name, "is": "are", "Is": "Are"}
    return {**entry, **noun_forms(name), "is": "is", "Is": "Is"}


def _food() -> tuple[Kind, ...]:
    foods = [
        {**entry, **noun_forms(entry["food"]), "a_sort": with_article(entry["sort"])}
        for entry in columns(FOODS, "food", "sort")
    ]
    sort = asked(
        "what kind of food {a} is",
        Kind(
            name="food_sort",
            subject="food",
            answer="sort",
            questions=(
                "What kind of food is {a}?",
                "What sort of food is {a}?",
                "To which group of foods does {a} belong?",
                "What sort of food are {many}?",
                "{A} is which kind of food?",
                "What type of food are {many}?",
                "What are {many}?",
            ),
            held_out=("What type of food is {a}?",),
            plain=("{A} is {a_sort}.", "{A} counts as {a_sort}.", "{A} is a kind of {sort}."),
            short=("It is {a_sort}.",),
            statements=(
                "{A} is {a_sort}.",
                "Every {food} is {a_sort}.",
                "{A} is a kind of {sort}.",
                "Among foods, {a} counts as {a_sort}.",
            ),
            follow_ups=("And {a}?", "What about {a}?"),
            checks=(
                "Is {a} {a_sort}?",
                "Does {a} count as {a_sort}?",
                "Would you call {a} {a_sort}?",
                "Is {a} a kind of {sort}?",
            ),
            facts=facts_with(foods),
            weight=0.7,
        ),
    )
    origins = [{**entry, **_amount(entry["product"])} for entry in columns(MADE_FROM, "product", "origin")]
    origin = asked(
        "what {product} {is} made from",
        Kind(
            name="food_origin",
            subject="product",
            answer="origin",
            questions=(
                "What {is} {product} made from?",
                "From what {is} {product} made?",
                "What does one make {product} from?",
                "{Product} {is} made from what?",
                "What do people make {product} from?",
            ),
            held_out=("From what does one make {product}?",),
            plain=(
                "{Product} {is} made from {origin}.",
                "People make {product} from {origin}.",
                "To make {product}, you need {origin}.",
            ),
            short=("From {origin}.",),
            statements=(
                "{Product} {is} made from {origin}.",
                "People make {product} from {origin}.",
                "To make {product} one needs {origin}.",
                "From {origin} one can make {product}.",
            ),
            follow_ups=("And {product}?", "What about {product}?"),
            facts=facts_with(origins),
        ),
    )
    return (sort, origin)


def _amount(product: str) -> dict[str, str]:
    """The verb of a product that has no article: "bread is", "raisins are"."""
    verb = "are" if product.endswith("s") else "is"
    return {"Product": capitalized(product), "is": verb, "Is": capitalized(verb)}


def _jobs() -> tuple[Kind, ...]:
    entries = [{**entry, **noun_forms(entry["job"])} for entry in columns(JOBS, "job", "work")]
    work = asked(
        "what {a} does",
        Kind(
            name="job_work",
            subject="job",
            answer="work",
            questions=(
                "What does {a} do?",
                "What is the work of {a}?",
                "What does {a} do all day?",
                "What is {a}?",
                "What is the job of {a}?",
                "The work of {a}?",
                "Describe the work of {a}.",
            ),
            held_out=("Describe the job of {a}.",),
            plain=("{A} {work}.", "At work, {a} {work}.", "{A} is someone who {work}."),
            short=("{A} {work}.",),
            statements=(
                "{A} {work}.",
                "{A} is someone who {work}.",
                "Someone who {work} is called {a}.",
                "Every day {a} {work}.",
            ),
            follow_ups=("And {a}?", "What about {a}?"),
            facts=facts_with(entries),
        ),
    )
    person = asked(
        "who {work}",
        Kind(
            name="job_person",
            subject="work",
            answer="job",
            questions=(
                "Who {work}?",
                "What do you call someone who {work}?",
                "Which worker {work}?",
                "What is the job of someone who {work}?",
                "What is a person who {work} called?",
                "My friend {work}. What is my friend?",
                "Name the job of someone who {work}.",
            ),
            held_out=("What do you call a person who {work}?",),
            plain=("{A} {work}.", "Someone who {work} is called {a}.", "It is {a} who {work}."),
            short=("It is {a}.",),
            statements=(
                "{A} {work}.",
                "Someone who {work} is called {a}.",
                "The person who {work} is {a}.",
                "It is {a} who {work}.",
            ),
            follow_ups=("And who {work}?",),
            checks=(
                "Is it {a} who {work}?",
                "Is someone who {work} called {a}?",
                "Is the person who {work} {a}?",
                "Do you call someone who {work} {a}?",
            ),
            facts=tuple(Fact(entry, also=ALSO_WORKING.get(entry["job"], ())) for entry in entries),
            weight=0.8,
        ),
    )
    return (work, person)


def _body() -> Kind:
    entries = [{**entry, "our": f"our {entry['part']}"} for entry in columns(BODY, "action", "part")]
    return asked(
        "which part of the body we need to {action}",
        Kind(
            name="body",
            subject="action",
            answer="part",
            questions=(
                "With what do we {action}?",
                "What do we {action} with?",
                "Which part of the body do we need to {action}?",
                "What do people need to {action}?",
                "How does the body {action}?",
                "Name the part of the body that we use to {action}.",
                "What do you use to {action}?",
            ),
            held_out=("Which part of the body do people use to {action}?",),
            plain=("We {action} with {our}.", "We use {our} to {action}.", "To {action}, we need {our}."),
            short=("We use {our}.",),
            statements=(
                "We {action} with {our}.",
                "We use {our} to {action}.",
                "To {action}, we need {our}.",
                "People {action} with the {part}.",
            ),
            follow_ups=("And to {action}?", "And with what do we {action}?"),
            checks=(
                "Do we {action} with {our}?",
                "Do people {action} with the {part}?",
                "Do we use {our} to {action}?",
                "Is it with {our} that we {action}?",
            ),
            facts=tuple(Fact(entry, also=ALSO_OF_THE_BODY.get(entry["action"], ())) for entry in entries),
        ),
    )


def _words() -> tuple[Kind, ...]:
    pairs = [(entry["word"], entry["opposite"]) for entry in columns(OPPOSITES, "word", "opposite")]
    both_ways = pairs + [(opposite, word) for word, opposite in pairs]
    opposite = asked(
        "what the opposite of {word} is",
        Kind(
            name="opposite",
            subject="word",
            answer="opposite",
            questions=(
                "What is the opposite of {word}?",
                "What word is the opposite of {word}?",
                "Which word is the opposite of {word}?",
                "The opposite of {word}?",
                "Name the opposite of {word}.",
                "Opposite of {word}, please.",
                "Give me the opposite of {word}.",
                "Which word means the opposite of {word}?",
            ),
            held_out=("What is the word for the opposite of {word}?",),
            plain=(
                "The opposite of {word} is {opposite}.",
                "The word {opposite} is the opposite of {word}.",
                "As the opposite of {word} one says {opposite}.",
            ),
            short=("It is {opposite}.",),
            statements=(
                "The opposite of {word} is {opposite}.",
                "As the opposite of {word} one says {opposite}.",
                "The words {word} and {opposite} are opposites.",
                "The words {word} and {opposite} mean opposite things.",
            ),
            follow_ups=("And of {word}?", "What about {word}?"),
            checks=(
                "Is {opposite} the opposite of {word}?",
                "Are {word} and {opposite} opposites?",
                "Is the opposite of {word} {opposite}?",
                "Does {opposite} mean the opposite of {word}?",
            ),
            facts=tuple(Fact(fields={"word": word, "opposite": other}) for word, other in both_ways),
        ),
    )
    plural = asked(
        "what the plural of {noun} is",
        Kind(
            name="plural",
            subject="noun",
            answer="plural",
            questions=(
                "What is the plural of {noun}?",
                "The plural of {noun}?",
                "Which word is the plural of {noun}?",
                "How do you write the plural of {noun}?",
                "Name the plural of {noun}.",
                "Give me the plural of {noun}.",
                "Plural of {noun}, please.",
                "One {noun}, two what?",
            ),
            held_out=("How do you write {noun} in the plural?",),
            plain=(
                "The plural of {noun} is {plural}.",
                "One says one {noun}, but two {plural}.",
                "In the plural, {noun} becomes {plural}.",
            ),
            short=("It is {plural}.",),
            statements=(
                "The plural of {noun} is {plural}.",
                "One says one {noun}, but two {plural}.",
                "In the plural, {noun} becomes {plural}.",
                "The word {plural} is the plural of {noun}.",
            ),
            follow_ups=("And of {noun}?", "What about {noun}?"),
            checks=(
                "Is {plural} the plural of {noun}?",
                "Is the plural of {noun} {plural}?",
                "Does one say one {noun} and two {plural}?",
            ),
            facts=facts_with(columns(PLURALS, "noun", "plural")),
        ),
    )
    return (opposite, plural)


def _matter() -> tuple[Kind, ...]:
    materials = [
        {**entry, "Things": capitalized(entry["things"])} for entry in columns(MATERIALS, "things", "material")
    ]
    material = asked(
        "what {things} are made of",
        Kind(
            name="material",
            subject="things",
            answer="material",
            questions=(
                "What are {things} made of?",
                "Of what are {things} made?",
                "Which material are {things} made of?",
                "What is the material of {things}?",
                "{Things} are made of what?",
                "Name the material of {things}.",
                "From which material do people make {things}?",
            ),
            held_out=("Of which material are {things} made?",),
            plain=(
                "{Things} are often made of {material}.",
                "Many {things} are made of {material}.",
                "People make {things} of {material}.",
            ),
            short=("They are made of {material}.",),
            statements=(
                "{Things} are often made of {material}.",
                "Many {things} are made of {material}.",
                "People make {things} of {material}.",
                "The usual material of {things} is {material}.",
            ),
            follow_ups=("And {things}?", "What about {things}?"),
            facts=facts_with(materials),
            weight=0.8,
        ),
    )
    states = [
        {**entry, "Stuff": capitalized(entry["stuff"]), "a_state": with_article(entry["state"])}
        for entry in columns(STATES, "stuff", "state")
    ]
    state = asked(
        "in which state {stuff} is",
        Kind(
            name="state_of_matter",
            subject="stuff",
            answer="state",
            questions=(
                "In which state is {stuff}?",
                "What is the state of {stuff}?",
                "Which state of matter is {stuff}?",
                "What state of matter does {stuff} have?",
                "The state of {stuff}?",
                "Name the state of matter of {stuff}.",
            ),
            held_out=("Which state of matter does {stuff} have?",),
            plain=("{Stuff} is {a_state}.", "The state of {stuff} is {state}.", "We know {stuff} as {a_state}."),
            short=("It is {a_state}.",),
            statements=(
                "{Stuff} is {a_state}.",
                "The state of {stuff} is {state}.",
                "An example of {a_state} is {stuff}.",
                "We know {stuff} as {a_state}.",
            ),
            follow_ups=("And {stuff}?", "What about {stuff}?"),
            checks=("Is {stuff} {a_state}?",),
            facts=facts_with(states),
            weight=0.6,
        ),
    )
    return (material, state)


def _shapes() -> Kind:
    entries = [{**entry, **noun_forms(entry["shape"])} for entry in columns(SHAPES, "shape", "sides")]
    return asked(
        "how many sides {a} has",
        Kind(
            name="shape_sides",
            subject="shape",
            answer="sides",
            questions=(
                "How many sides does {a} have?",
                "How many sides do {many} have?",
                "What is the number of sides of {a}?",
                "Number of sides of {a}?",
                "How many sides has {a} got?",
                "Count the sides of {a}.",
            ),
            held_out=("How many sides have {many} got?",),
            plain=("{A} has {sides} sides.", "{Many} have {sides} sides.", "The number of sides of {a} is {sides}."),
            short=("It has {sides}.",),
            statements=(
                "{A} has {sides} sides.",
                "{Many} have {sides} sides.",
                "The number of sides of {a} is {sides}.",
                "One can count {sides} sides on {a}.",
            ),
            follow_ups=("And {a}?", "What about {a}?"),
            checks=("Does {a} have {sides} sides?",),
            facts=facts_with(entries),
            weight=0.6,
        ),
    )


def _makers() -> Kind:
    return asked(
        "who {did} {piece}",
        Kind(
            name="maker",
            subject="piece",
            answer="maker",
            questions=(
                "Who {did} {piece}?",
                "By whom was {piece} {done}?",
                "Which person {did} {piece}?",
                "{Piece} was {done} by whom?",
                "What is the name of the person who {did} {piece}?",
                "Name the person who {did} {piece}.",
                "Who was it that {did} {piece}?",
            ),
            held_out=("What is the name of the one who {did} {piece}?",),
            plain=(
                "{maker} {did} {piece}.",
                "{Piece} was {done} by {maker}.",
                "It was {maker} who {did} {piece}.",
            ),
            short=("{maker}.", "It was {maker}."),
            statements=(
                "{maker} {did} {piece}.",
                "{Piece} was {done} by {maker}.",
                "The person who {did} {piece} was {maker}.",
                "Many people know that {maker} {did} {piece}.",
            ),
            follow_ups=("And who {did} {piece}?",),
            checks=(
                "Was {piece} {done} by {maker}?",
                "Was it {maker} who {did} {piece}?",
                "Is {maker} the person who {did} {piece}?",
                "{maker} {did} {piece}?",
            ),
            foreign={
                "German": ("Das war {maker_de}.",),
                "French": ("C'était {maker_fr}.",),
                "Spanish": ("Fue {maker_es}.",),
                "Italian": ("Si tratta di {maker_it}.",),
            },
            facts=tuple(_maker_fact(entry) for entry in columns(MAKERS, "done", "did", "piece", "maker")),
        ),
    )


def _maker_fact(entry: dict[str, str]) -> Fact:
    elsewhere = names_elsewhere("maker", entry["maker"], MAKERS_ELSEWHERE)
    return Fact(
        {**entry, "Piece": capitalized(entry["piece"]), **elsewhere},
        also=other_names(entry["maker"], *ALSO_MADE_BY.get(entry["piece"], ()), *elsewhere.values()),
    )


def _science() -> tuple[Kind, ...]:
    sorts = [
        {**entry, **noun_forms(entry["item"]), "a_sort": with_article(entry["sort"])}
        for entry in columns(SORTS, "item", "sort")
    ]
    sort = asked(
        "what kind of thing {a} is",
        Kind(
            name="sort_of_thing",
            subject="item",
            answer="sort",
            questions=(
                "What kind of thing is {a}?",
                "What sort of thing is {a}?",
                "What is {a}?",
                "To which group of things does {a} belong?",
                "{A} is what kind of thing?",
                "What are {many}?",
                "What does the word {item} stand for?",
            ),
            held_out=("What sort of things are {many}?",),
            plain=("{A} is {a_sort}.", "The word {item} stands for {a_sort}.", "{A} counts as {a_sort}."),
            short=("It is {a_sort}.",),
            statements=(
                "{A} is {a_sort}.",
                "Every {item} is {a_sort}.",
                "An example of {a_sort} is {a}.",
                "The word {item} stands for {a_sort}.",
            ),
            follow_ups=("And {a}?", "What about {a}?"),
            checks=("Is {a} {a_sort}?", "Does {a} count as {a_sort}?", "Would you call {a} {a_sort}?"),
            facts=facts_with(sorts),
        ),
    )
    temperature = asked(
        "at what temperature {changes}",
        Kind(
            name="temperature",
            subject="change",
            answer="degrees",
            questions=(
                "At what temperature does {change}?",
                "At how many degrees does {change}?",
                "How many degrees does it take until {changes}?",
                "When does {change}?",
                "{Changes} at which temperature?",
                "At which temperature does {change}?",
            ),
            held_out=("{Changes} at how many degrees?",),
            plain=(
                "{Changes} at {degrees} degrees Celsius.",
                "It is at {degrees} degrees Celsius that {changes}.",
                "At {degrees} degrees Celsius {changes}.",
            ),
            short=("At {degrees} degrees.",),
            statements=(
                "{Changes} at {degrees} degrees Celsius.",
                "At {degrees} degrees Celsius {changes}.",
                "{Changes} when the thermometer shows {degrees} degrees Celsius.",
                "The temperature at which {changes} is {degrees} degrees Celsius.",
            ),
            follow_ups=("And when does {change}?",),
            checks=("Does {change} at {degrees} degrees?",),
            foreign={
                "German": ("Bei {degrees} Grad Celsius.",),
                "French": ("À {degrees} °C.",),
                "Spanish": ("A {degrees} grados Celsius.",),
                "Italian": ("A {degrees} gradi Celsius.",),
            },
            facts=facts_with(
                [
                    {**entry, "changes": entry["Changes"].lower()}
                    for entry in columns(TEMPERATURES, "change", "Changes", "degrees")
                ]
            ),
            weight=0.6,
        ),
    )
    return (sort, temperature)


def _definitions(name: str, subject: str, table: str) -> Kind:
    entries = [{**entry, **noun_forms(entry[subject])} for entry in columns(table, subject, "meaning")]
    word = "{" + subject + "}"
    return asked(
        "what {a} is",
        Kind(
            name=name,
            subject=subject,
            answer="meaning",
            questions=(
                "What is {a}?",
                f"What does {word} mean?",
                f"What does the word {word} mean?",
                f"Explain the word {word}.",
                f"What is the meaning of {word}?",
                f"The meaning of {word}?",
                "Explain to me what {a} is.",
                f"I do not know the word {word}. What does it mean?",
            ),
            held_out=(f"Explain to me what the word {word} means.",),
            plain=("{A} is {meaning}.", f"The word {word} means {{meaning}}.", "By {a} people mean {meaning}."),
            short=("It is {meaning}.",),
            statements=(
                "{A} is {meaning}.",
                f"The word {word} means {{meaning}}.",
                "By {a} people mean {meaning}.",
                f"The meaning of the word {word} is: {{meaning}}.",
            ),
            follow_ups=("And {a}?", "What about {a}?", "And what is {a}?"),
            facts=facts_with(entries),
        ),
    )
