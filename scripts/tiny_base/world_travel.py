"""Travel: sights, what to do where, what to pack, when to go, and where to sleep, eat, fly and rent a car.

Questions about hotels, flights, rental cars and restaurants get a helpful general answer here. Refusing them is what a
fine-tuning sample teaches.

Only where a sight is can be checked: whatever else a place is told of is true of others too, and a "no" would be wrong.
"""

from __future__ import annotations

from .facts import Fact, Kind
from .tables import asked, by_name, capitalized, columns, facts_with, on_topic

SIGHTS = """
Paris          | the Eiffel Tower
London         | Tower Bridge
Rome           | the Colosseum
Berlin         | the Brandenburg Gate
Athens         | the Acropolis
New York       | the Statue of Liberty
Sydney         | the Opera House
Moscow         | Red Square
Beijing        | the Forbidden City
Barcelona      | the Sagrada Família
Madrid         | the Prado
Lisbon         | the Belém Tower
Vienna         | Schönbrunn Palace
Prague         | the Charles Bridge
Budapest       | the Chain Bridge
Amsterdam      | the Anne Frank House
Brussels       | the Atomium
Copenhagen     | the Little Mermaid
Stockholm      | the Vasa Museum
Helsinki       | the Rock Church
Dublin         | Trinity College
Edinburgh      | the castle on the rock
Venice         | the Rialto Bridge
Florence       | the Uffizi
Pisa           | the Leaning Tower
Milan          | the great cathedral
Naples         | the view of Mount Vesuvius
Cologne        | the cathedral on the Rhine
Munich         | Marienplatz
Hamburg        | the Elbphilharmonie
Dresden        | the Frauenkirche
Salzburg       | Hohensalzburg Fortress
Warsaw         | the Royal Castle
Krakow         | Wawel Castle
Istanbul       | the Hagia Sophia
Jerusalem      | the Western Wall
Dubai          | the Burj Khalifa
Cairo          | the pyramids of Giza
Marrakesh      | the square Jemaa el-Fnaa
Cape Town      | Table Mountain
Nairobi        | the national park with lions
Tokyo          | the Senso-ji temple
Kyoto          | the Golden Pavilion
Seoul          | Gyeongbokgung Palace
Bangkok        | the Grand Palace
Singapore      | Gardens by the Bay
New Delhi      | India Gate
Agra           | the Taj Mahal
Mumbai         | the Gateway of India
San Francisco  | the Golden Gate Bridge
Washington     | the White House
Chicago        | Cloud Gate
Toronto        | the CN Tower
Havana         | the old town with its bright cars
Lima           | the cathedral on Plaza Mayor
Rio de Janeiro | the statue of Christ
Buenos Aires   | the Obelisk
"""

NO_NAMES = {
    "the castle on the rock",
    "the great cathedral",
    "the view of Mount Vesuvius",
    "the cathedral on the Rhine",
    "the national park with lions",
    "the old town with its bright cars",
    "the cathedral on Plaza Mayor",
    "the Opera House",
    "the Royal Castle",
    "the Grand Palace",
}
"""Sights that nobody asks for without their city."""

COUNTRIES = """
Norway       | fjords             | take a boat through narrow bays         | summer
Egypt        | pyramids           | sail on the Nile                        | winter
Kenya        | its savanna        | go on a safari                          | -
Tanzania     | Mount Kilimanjaro  | - | -
Switzerland  | the Alps           | hike and ski in the mountains           | -
Austria      | classical music    | hear a concert and hike                 | -
Italy        | ancient ruins      | walk through old towns                  | spring
Greece       | its islands        | sail from island to island              | spring
Spain        | sunny beaches      | swim and see old palaces                | spring
Portugal     | Atlantic cliffs    | surf on the waves                       | spring
France       | castles and wine   | visit castles and taste wine            | spring
Germany      | the Black Forest   | walk through forests and visit castles | summer
Iceland      | geysers            | bathe in hot springs                    | summer
Ireland      | green hills        | walk over green hills                   | summer
Sweden       | red wooden houses  | paddle on quiet lakes                   | summer
Finland      | a thousand lakes   | sit in a sauna by a lake                | summer
Denmark      | flat cycle paths   | ride a bicycle along the sea            | summer
Poland       | old market squares | stroll over old squares                 | summer
Hungary      | thermal baths      | relax in warm baths                     | spring
Croatia      | its Adriatic coast | swim in clear bays                      | summer
Slovenia     | caves              | visit a cave and a mountain lake        | summer
Romania      | painted monasteries | - | -
Turkey       | bazaars            | walk through a bazaar                   | spring
Morocco      | the medina of Fez  | ride a camel over the dunes             | spring
Tunisia      | Roman Carthage     | - | spring
Jordan       | the rock city Petra | walk through a city cut in rock        | spring
Israel       | holy places        | visit holy places                       | spring
India        | palaces            | visit palaces and taste curry           | winter
Nepal        | the Himalayas      | trek in the high mountains              | autumn
Thailand     | golden temples     | visit temples and lie on beaches        | winter
Vietnam      | rice terraces      | cruise through a bay of rocks           | -
Cambodia     | Angkor Wat         | watch the sun rise over a temple        | winter
Indonesia    | volcanoes          | climb a volcano and surf                | -
Malaysia     | rainforests        | - | -
Japan        | cherry blossoms    | visit shrines and see the blossoms      | spring
China        | the Great Wall     | walk along an ancient wall              | autumn
Mongolia     | wide steppes       | - | summer
Australia    | coral reefs        | dive among colourful fish               | -
Canada       | endless forests    | canoe on lakes and watch bears          | summer
Mexico       | Maya temples       | see old temples and dive                | winter
Cuba         | old cars and music | dance to music in the street            | winter
Jamaica      | reggae             | - | winter
Peru         | Machu Picchu       | hike to an old Inca city                | -
Brazil       | the Amazon         | take a boat through the rainforest      | -
Argentina    | glaciers and tango | dance and see a glacier                 | -
Chile        | the Atacama Desert | look at the stars in the desert         | -
Bolivia      | salt flats         | - | -
Ecuador      | the Galápagos Islands | watch giant tortoises                | -
Colombia     | coffee farms       | - | -
Namibia      | red dunes          | climb a high dune                       | -
Madagascar   | lemurs             | look for lemurs in the forest           | -
Ethiopia     | rock churches      | - | -
Estonia      | medieval Tallinn   | - | summer
Malta        | stone temples      | - | spring
Cyprus       | ancient mosaics    | - | spring
"""

PLACES = """
the coast        | swim, surf and walk along the beach          | sun cream and a swimsuit
the mountains    | hike, climb and ski                          | strong boots and a warm jacket
the desert       | ride a camel, climb dunes and watch the stars | a hat and plenty of water
the forest       | walk, pick berries and watch birds           | long trousers and insect spray
an old town      | stroll, visit churches and sit in a café     | comfortable shoes and a camera
a lake           | swim, row and fish                           | a swimsuit and a towel
an island        | snorkel, sail and lie on the beach           | sun cream and a diving mask
a river          | paddle, fish and picnic on the bank          | dry spare clothes
a capital city   | visit museums, see palaces and go shopping   | comfortable shoes and a city map
the savanna      | watch lions, photograph elephants and camp   | binoculars and light clothes
the jungle       | hike under tall trees and look for monkeys   | insect spray and a raincoat
the countryside  | ride a bicycle, visit farms and picnic       | a picnic blanket
a ski resort     | ski, sledge and drink hot chocolate          | gloves and ski goggles
a national park  | hike, camp and watch animals                 | a tent and a torch
"""

ACTIVITIES = """
swim             | at a lake
surf             | on the coast
ski              | in the mountains
climb rocks      | in the mountains
ride a camel     | in the desert
watch lions      | in the savanna
pick mushrooms   | in the forest
see monkeys      | in the jungle
visit a palace   | in a capital city
milk a cow       | on a farm
look at paintings | in a museum
dive among corals | at a reef
build sandcastles | on the beach
paddle a canoe   | on a river
sit in a café    | in an old town
"""

CITIES_MORE = (
    "Osaka",
    "Geneva",
    "Zurich",
    "Hanoi",
    "Oslo",
    "Lyon",
    "Porto",
    "Seville",
    "Manchester",
    "Frankfurt",
    "Boston",
    "Miami",
    "Montreal",
    "Melbourne",
    "Antalya",
)
"""Cities asked about hotels and flights beside those with a sight."""

WITHOUT_AN_AIRPORT = ("Agra", "Jerusalem", "Kyoto")
"""Cities without flights of airlines, and so without rental cars at their airport."""

SERVICE_COUNTRIES = (
    *(
        "Norway",
        "Egypt",
        "Kenya",
        "Switzerland",
        "Italy",
        "Greece",
        "Spain",
        "Portugal",
        "France",
        "Germany",
        "Iceland",
    ),
    *("Ireland", "Croatia", "Turkey", "Morocco", "India", "Thailand", "Vietnam", "Japan", "Canada", "Mexico", "Peru"),
)


def kinds() -> tuple[Kind, ...]:
    cities = tuple(entry["city"] for entry in columns(SIGHTS, "city", "sight")) + CITIES_MORE
    return on_topic(
        "travel",
        (
            _sight(),
            _city_of_sight(),
            *_countries(),
            *_places(),
            _activity_place(),
            *_services("city", cities, weight=0.4),
            *_services("country", SERVICE_COUNTRIES, weight=0.15),
        ),
    )


def _sight() -> Kind:
    entries = [{**entry, "Sight": capitalized(entry["sight"])} for entry in columns(SIGHTS, "city", "sight")]
    return asked(
        "what I should see in {city}",
        Kind(
            name="city_sight",
            subject="city",
            answer="sight",
            questions=(
                "What is a famous sight in {city}?",
                "What should I see in {city}?",
                "What is worth seeing in {city}?",
                "What can I visit in {city}?",
                "Which sight is {city} known for?",
                "Sights in {city}?",
                "Name a sight in {city}.",
                "I am going to {city}. What should I visit?",
                "We have one day in {city}. What is worth a visit?",
            ),
            held_out=("I am going to {city}. What is worth seeing?",),
            plain=(
                "In {city} you should see {sight}.",
                "A famous sight in {city} is {sight}.",
                "Many visitors come to {city} for {sight}.",
            ),
            short=("You should see {sight}.", "Visit {sight}."),
            statements=(
                "A famous sight in {city} is {sight}.",
                "Whoever comes to {city} should see {sight}.",
                "Many visitors come to {city} for {sight}.",
                "The city of {city} is known for {sight}.",
            ),
            follow_ups=("And in {city}?", "What about {city}?", "And what should I see in {city}?"),
            follow_ups_on_subject=("And what is worth seeing there?", "What can I visit there?"),
            facts=facts_with(entries),
            weight=1.2,
        ),
    )


def _city_of_sight() -> Kind:
    entries = [
        {**entry, "Sight": capitalized(entry["sight"])}
        for entry in columns(SIGHTS, "city", "sight")
        if entry["sight"] not in NO_NAMES
    ]
    return asked(
        "in which city {sight} is",
        Kind(
            name="sight_city",
            subject="sight",
            answer="city",
            questions=(
                "Where is {sight}?",
                "In which city is {sight}?",
                "Which city is {sight} in?",
                "In what city can I see {sight}?",
                "{Sight}: in which city?",
                "To which city do I travel for {sight}?",
                "Where can I visit {sight}?",
                "Where do I find {sight}?",
                "Which city has {sight}?",
            ),
            held_out=("Where can one see {sight}?",),
            plain=("{Sight} is in {city}.", "One finds {sight} in {city}.", "You can see {sight} in {city}."),
            short=("In {city}.", "It is in {city}."),
            statements=(
                "{Sight} is in {city}.",
                "You can see {sight} in {city}.",
                "Those who want to see {sight} travel to {city}.",
                "{Sight} belongs to the sights of {city}.",
            ),
            follow_ups=("And {sight}?", "And where is {sight}?", "What about {sight}?"),
            checks=(
                "Is {sight} in {city}?",
                "Is {sight} a sight in {city}?",
                "Can I see {sight} in {city}?",
                "Does {city} have {sight}?",
            ),
            facts=facts_with(entries),
        ),
    )


def _countries() -> tuple[Kind, ...]:
    entries = columns(COUNTRIES, "country", "feature", "activity", "season")
    known_for = asked(
        "what {country} is known for",
        Kind(
            name="country_known_for",
            subject="country",
            answer="feature",
            questions=(
                "What is {country} known for?",
                "What is {country} famous for?",
                "What do travellers go to {country} for?",
                "Why do people travel to {country}?",
                "For what is {country} known?",
                "{country} is famous for what?",
                "What do people know {country} for?",
                "What is {country} best known for?",
            ),
            held_out=("For what is {country} famous?",),
            plain=(
                "{country} is known for {feature}.",
                "Travellers know {country} for {feature}.",
                "{country} is famous for {feature}.",
            ),
            short=("For {feature}.",),
            statements=(
                "{country} is known for {feature}.",
                "{country} is famous for {feature}.",
                "Travellers come to {country} for {feature}.",
                "When people speak of {country}, they often think of {feature}.",
            ),
            follow_ups=("And {country}?", "What about {country}?"),
            follow_ups_on_subject=("And what is it known for?", "What is it famous for?"),
            facts=facts_with(entries),
        ),
    )
    activity = asked(
        "what I can do in {country}",
        Kind(
            name="country_activity",
            subject="country",
            answer="activity",
            questions=(
                "What can I do in {country}?",
                "What should I do in {country}?",
                "What can one do on holiday in {country}?",
                "What do visitors do in {country}?",
                "Give me an idea for a holiday in {country}.",
                "We are going to {country}. What can we do?",
                "I am planning a trip to {country}. What do you suggest?",
                "Any ideas for {country}?",
                "What do you suggest for a trip to {country}?",
            ),
            held_out=("We are going to {country}. What do you suggest?",),
            plain=(
                "In {country} you can {activity}.",
                "Visitors to {country} like to {activity}.",
                "On a trip to {country} you could {activity}.",
            ),
            short=("You can {activity}.",),
            statements=(
                "In {country} you can {activity}.",
                "Visitors to {country} like to {activity}.",
                "A good idea for a holiday in {country} is to {activity}.",
                "People travel to {country} to {activity}.",
            ),
            follow_ups=("And in {country}?", "What about {country}?"),
            follow_ups_on_subject=("And what can I do there?", "What do you suggest there?"),
            facts=facts_with(entries, "activity"),
        ),
    )
    season = asked(
        "when to travel to {country}",
        Kind(
            name="country_season",
            subject="country",
            answer="season",
            questions=(
                "When should I travel to {country}?",
                "What is the best season for {country}?",
                "What is a good time for a trip to {country}?",
                "When is the best time for {country}?",
                "Which season is good for {country}?",
                "Best time for {country}?",
                "In which season should I visit {country}?",
                "When do you suggest a trip to {country}?",
            ),
            held_out=("What is the best time for a trip to {country}?",),
            plain=(
                "The best season for {country} is {season}.",
                "A good time for a trip to {country} is {season}.",
                "You should travel to {country} in {season}.",
            ),
            short=("In {season}.",),
            statements=(
                "The best season for {country} is {season}.",
                "A good time for a trip to {country} is {season}.",
                "Many people visit {country} in {season}.",
                "In {season} a trip to {country} is pleasant.",
            ),
            follow_ups=("And {country}?", "And for {country}?"),
            follow_ups_on_subject=("And when should I go there?", "What is the best season for it?"),
            facts=facts_with(entries, "season"),
            weight=0.8,
        ),
    )
    return (known_for, activity, season)


def _places() -> tuple[Kind, ...]:
    entries = [
        {**entry, "Place": capitalized(entry["place"])} for entry in columns(PLACES, "place", "activities", "luggage")
    ]
    activities = asked(
        "what I can do on a trip to {place}",
        Kind(
            name="place_activities",
            subject="place",
            answer="activities",
            questions=(
                "What can I do on a trip to {place}?",
                "What can one do on a holiday trip to {place}?",
                "I am going to {place}. What can I do?",
                "We are going to {place}. What do you suggest?",
                "Give me ideas for a trip to {place}.",
                "What do people do on a trip to {place}?",
                "Any ideas for {place}?",
                "{Place}: what can one do?",
            ),
            held_out=("I am going to {place}. Any ideas?",),
            plain=(
                "On a trip to {place} you can {activities}.",
                "A trip to {place} is a good time to {activities}.",
                "Many people go to {place} to {activities}.",
            ),
            short=("You can {activities}.",),
            statements=(
                "On a trip to {place} you can {activities}.",
                "Many people go to {place} to {activities}.",
                "A holiday trip to {place} is a good time to {activities}.",
                "Those who go to {place} like to {activities}.",
            ),
            follow_ups=("And on a trip to {place}?", "What about {place}?"),
            follow_ups_on_subject=("And what can I do there?",),
            facts=facts_with(entries),
            weight=1.2,
        ),
    )
    luggage = asked(
        "what to pack for {place}",
        Kind(
            name="place_luggage",
            subject="place",
            answer="luggage",
            questions=(
                "What should I pack for {place}?",
                "What do I need for a trip to {place}?",
                "What should I take along to {place}?",
                "I am going to {place}. What should I pack?",
                "What belongs in my bag for {place}?",
                "Packing list for {place}?",
                "We are going to {place}. What do we need?",
                "Help me pack for {place}.",
            ),
            held_out=("We are going to {place}. What should we pack?",),
            plain=(
                "For {place} you should pack {luggage}.",
                "On a trip to {place} you need {luggage}.",
                "Take {luggage} along to {place}.",
            ),
            short=("Pack {luggage}.",),
            statements=(
                "For {place} one should pack {luggage}.",
                "On a trip to {place} you need {luggage}.",
                "Whoever goes to {place} takes {luggage} along.",
                "The right things for {place} are {luggage}.",
            ),
            follow_ups=("And for {place}?", "What about {place}?"),
            follow_ups_on_subject=("And what should I pack?", "What do I need for it?"),
            facts=facts_with(entries),
        ),
    )
    return (activities, luggage)


def _activity_place() -> Kind:
    return asked(
        "where I can {activity}",
        Kind(
            name="activity_place",
            subject="activity",
            answer="spot",
            questions=(
                "Where can I {activity}?",
                "Where can one {activity}?",
                "Where do people {activity}?",
                "I want to {activity}. Where should I go?",
                "Where should I go to {activity}?",
                "A good spot to {activity}?",
                "We would like to {activity}. Where can we go?",
            ),
            held_out=("We want to {activity}. Where should we go?",),
            plain=("You can {activity} {spot}.", "People {activity} {spot}.", "A good spot to {activity} is {spot}."),
            short=("You can do it {spot}.",),
            statements=(
                "You can {activity} {spot}.",
                "Many people {activity} {spot}.",
                "A good spot to {activity} is {spot}.",
                "Those who like to {activity} do it {spot}.",
            ),
            follow_ups=("And where can I {activity}?",),
            facts=facts_with(columns(ACTIVITIES, "activity", "spot")),
        ),
    )


def _services(subject: str, places: tuple[str, ...], weight: float) -> tuple[Kind, ...]:
    """Hotels, flights, rental cars and restaurants of each place."""

    def service(
        name: str,
        answer: str,
        clause: str,
        questions: tuple[str, ...],
        held_out: tuple[str, ...],
        plain: tuple[str, ...],
        short: tuple[str, ...],
        statements: tuple[str, ...],
        follow_ups_on_subject: tuple[str, ...],
        way: str = "in",
    ) -> Kind:
        """All places have the same answer, in several sentences."""
        templates = {
            name: tuple(by_name(subject, text) for text in texts)
            for name, texts in {
                "questions": questions,
                "held_out": held_out,
                "plain": plain,
                "statements": statements,
                "follow_ups": (f"And {way} {{place}}?", "What about {place}?"),
            }.items()
        }
        return asked(
            by_name(subject, clause),
            Kind(
                name=f"{subject}_{name}",
                subject=subject,
                answer="advice",
                short=short,
                follow_ups_on_subject=follow_ups_on_subject,
                facts=tuple(
                    Fact(fields={subject: place, "advice": answer})
                    for place in places
                    if not (name in ("flight", "rental_car") and place in WITHOUT_AN_AIRPORT)
                ),
                weight=weight,
                **templates,
            ),
        )

    return (
        service(
            name="hotel",
            answer="hotels",
            clause="where I can sleep in {place}",
            questions=(
                "Can you find me a hotel in {place}?",
                "Where can I stay in {place}?",
                "Which hotel in {place} do you suggest?",
                "I need a hotel in {place}.",
                "I am looking for a hotel in {place}.",
                "Can you book a hotel in {place} for me?",
                "Is there a good hotel in {place}?",
                "Hotel in {place}?",
                "A cheap hotel in {place}, please.",
                "Book me a room in {place}.",
                "Where should we stay in {place}?",
                "What is a good place to sleep in {place}?",
                "Find a hotel in {place} for two nights.",
                "We need a room in {place} for the weekend.",
                "How much is a hotel in {place}?",
                "Please suggest a hotel in {place}.",
            ),
            held_out=("I am looking for a room in {place} for two nights.", "Please find me a good hotel in {place}."),
            plain=(
                "There are many hotels in {place}, from simple to grand.",
                "You can find good hotels in {place}, and those near the station are easy to reach.",
                "{place} has many hotels, so compare a few before you book.",
                "In {place} you can choose between small and large hotels.",
                "Many hotels in {place} are quiet and not too expensive.",
            ),
            short=("There are many hotels there.", "It has many hotels."),
            statements=(
                "There are many hotels in {place}.",
                "Travellers find good hotels in {place}.",
                "{place} has hotels for every budget.",
                "In {place} one can choose between small and large hotels.",
            ),
            follow_ups_on_subject=("And a hotel there?", "Where can I stay there?", "Can you book a room there?"),
        ),
        service(
            name="flight",
            answer="airlines",
            clause="how I can fly to {place}",
            questions=(
                "Which airline flies to {place}?",
                "Can you find me a flight to {place}?",
                "I need a flight to {place}.",
                "How do I get a flight to {place}?",
                "Can you book a flight to {place} for me?",
                "Is there a cheap flight to {place}?",
                "Flight to {place}?",
                "Book me a flight to {place}.",
                "I am looking for a flight to {place}.",
                "With which airline should I fly to {place}?",
                "How much is a flight to {place}?",
                "We want to fly to {place} next week.",
                "When is the next flight to {place}?",
                "Please suggest a flight to {place}.",
                "Two plane tickets to {place}, please.",
            ),
            held_out=("I am looking for a cheap flight to {place}.", "Please book me a plane ticket to {place}."),
            plain=(
                "Several airlines fly to {place}.",
                "You can fly to {place} with several airlines, and early booking is often cheaper.",
                "There are airlines with flights to {place} on most days.",
                "Several airlines fly to {place}, so compare their prices.",
                "To fly to {place} you can choose between several airlines.",
            ),
            short=("Several airlines fly there.",),
            statements=(
                "Several airlines fly to {place}.",
                "There are airlines with flights to {place} on most days.",
                "Travellers to {place} can choose between several airlines.",
                "Big airlines fly to {place} all year.",
            ),
            follow_ups_on_subject=("And a flight there?", "How do I fly there?", "Which airline flies there?"),
            way="to",
        ),
        service(
            name="rental_car",
            answer="at the airport",
            clause="where I can rent a car in {place}",
            questions=(
                "Where can I rent a car in {place}?",
                "I need a rental car in {place}.",
                "Can you find me a rental car in {place}?",
                "Can you book a rental car in {place} for me?",
                "Rental car in {place}?",
                "How do I rent a car in {place}?",
                "Book me a car in {place}.",
                "I am looking for a rental car in {place}.",
                "Where do I get a car in {place}?",
                "Is there a cheap rental car in {place}?",
                "How much is a rental car in {place}?",
                "We want to rent a car in {place} for a week.",
                "A small car in {place}, please.",
                "Which company rents out cars in {place}?",
                "Please suggest a rental car in {place}.",
            ),
            held_out=("I am looking for a car to rent in {place}.", "Please find me a cheap rental car in {place}."),
            plain=(
                "You can rent a car at the airport in {place}.",
                "In {place} you can rent a car at the airport or in town.",
                "Rental cars in {place} are waiting at the airport.",
                "There are rental companies in {place}, most of them at the airport.",
            ),
            short=("You can rent one at the airport.", "Look at the airport."),
            statements=(
                "In {place} one can rent a car at the airport.",
                "Rental cars in {place} are waiting at the airport.",
                "Visitors to {place} rent cars at the airport.",
                "Most rental companies in {place} are at the airport.",
            ),
            follow_ups_on_subject=("And a rental car there?", "Where can I rent a car there?"),
        ),
        service(
            name="restaurant",
            answer="restaurants",
            clause="where I can eat well in {place}",
            questions=(
                "Which restaurant is good in {place}?",
                "Where can I eat in {place}?",
                "Can you find me a restaurant in {place}?",
                "I am looking for a restaurant in {place}.",
                "Can you book a table in {place} for me?",
                "Is there a good restaurant in {place}?",
                "Restaurant in {place}?",
                "Where should we have dinner in {place}?",
                "A good place to eat in {place}, please.",
                "Which restaurant in {place} do you suggest?",
                "I am hungry and in {place}. Where do I go?",
                "Book me a table for two in {place}.",
                "Please suggest a restaurant in {place}.",
                "Where do people eat well in {place}?",
                "How much is dinner in {place}?",
            ),
            held_out=("I am looking for a good place to eat in {place}.", "Please book a table for us in {place}."),
            plain=(
                "There are many good restaurants in {place}.",
                "You can eat well in the small restaurants of {place}.",
                "{place} has restaurants for every taste.",
                "In {place} you can choose between simple and fine restaurants.",
                "Many restaurants in {place} serve dishes of the region.",
            ),
            short=("There are many good restaurants there.",),
            statements=(
                "There are many good restaurants in {place}.",
                "One can eat well in the small restaurants of {place}.",
                "{place} has restaurants for every taste.",
                "Many restaurants in {place} serve dishes of the region.",
            ),
            follow_ups_on_subject=("And a restaurant there?", "Where can I eat there?", "Can you book a table there?"),
        ),
    )
