"""What incidents are about, and the words that tell it: the whole of the method's knowledge, to be read and mended.

A topic names the categories that sources of incidents use for it; the first of them that is in use on this picture is suggested.
Terms are split by `|`; `*` at the end of a word stands for its endings; 3 is a term that hardly means anything else, 1 one that
needs company. Written here without accents and as `data.triage.words` makes Arabic.
"""

from __future__ import annotations

from typing import NamedTuple

NOT_RELEVANT = "not relevant"


class Topic(NamedTuple):
    id: str
    categories: tuple[str, ...]
    terms: tuple[tuple[int, str], ...]


TOPICS = (
    Topic("clash", ("Armed clash", "Battles"), (
        (3,
         "armed clash*|clashes between|opened fire|ouvert le feu|abrieron fuego|فتح النار|fighting between"
         "|exchange of fire|exchanged fire|gun battle*|firefight*|heavy fighting|took control of|captured|ambush*"
         "|repelled|retook|recaptured|overran|inter clan fighting|inter communal fighting|affrontement* arme*"
         "|affrontement*|echange* de tirs|combats entre|combats violents|embuscade*|s est empare*"
         "|enfrentamiento* armado*|enfrentamiento*|tiroteo*|combates entre|emboscada*|اشتباكات مسلحه|اشتباك*|معارك"
         "|تبادل اطلاق النار|تبادل لاطلاق النار|كمين*"),
        (2,
         "clash*|fighting|militant*|jihadist*|fighters|soldiers killed|killed * soldiers|gunfire|shooting"
         "|shots fired|battle*|skirmish*|offensive|combats|tirs|fusillade*|coups de feu|combates|disparos|اطلاق نار"
         "|قتال|هجوم مسلح"),
        (1,
         "gendarme*|camp|post|rebel*|militia*|soldier*|troops|forces|army|positions|barracks|checkpoint|fighters"
         "|attacked|militaire*|armee|milices|rebelles|soldados|ejercito|rebeldes|قوات|مسلحين|مسلحون|الجيش|متمردين"),
    )),
    Topic("blast", ("Explosions/Remote violence", "Shelling"), (
        (3,
         "shelling|shelled|air strike*|airstrike*|drone strike*|artillery|mortar*|rocket fire|bombard*"
         "|aerial bombing|bombed|grenade*|missile*|car bomb*|suicide bomb*|barrel bomb*|bombardement*"
         "|frappe* aerienne*|tirs d artillerie|obus|roquette*|attentat a la bombe|bombardeo*|ataque aereo"
         "|ataque* aereo*|artilleria|mortero*|coche bomba|قصف*|غاره جويه|غارات جويه|مدفعيه|هاون|صاروخ*|عبوه ناسفه"
         "|سياره مفخخه"),
        (2,
         "explosion*|exploded|blast|bombs|bomb|antonov|dropped|explosions|explota*|explosivo|انفجار*|قنبله"),
    )),
    Topic("mine", ("Explosive hazard", "Explosions/Remote violence"), (
        (5,
         "unexploded|did not explode|non explose*|sin explotar|غير منفجر*|لم تنفجر"),
        (3,
         "landmine*|land mine*|mine strike|hit a mine|unexploded|uxo|ied|improvised explosive|booby trap*"
         "|anti personnel|cluster munition*|mine antipersonnel|mines antipersonnel|engin explosif|engins explosifs"
         "|munition* non explosee*|mina antipersona*|minas|municion* sin explotar|artefacto explosivo|لغم*|الغام"
         "|ذخائر غير منفجره|جسم غريب"),
        (1,
         "device|demining|deminage|desminado"),
    )),
    Topic("civilians", ("Violence against civilians",), (
        (3,
         "civilians killed|killed civilians|killed * civilians|massacre*|executed|execution*|rape*|raped|gang rape*"
         "|sexual violence|abduct*|kidnap*|hostage*|beheaded|tortured|torture|lynched|assassinat*|murdered"
         "|shot dead|shot and killed|stabbed|civils tues|tue des civils|viol|violees|viols|enlev*|enlevement*"
         "|otage*|assassine*|execute*|decapite*|civiles asesinados|violacion*|secuestr*|rehen*|asesina*|masacre*"
         "|مجزره|اغتصاب|خطف*|اختطاف|رهائن|اعدام|قتل مدنيين|مدنيين قتلوا"),
        (2,
         "gunmen|gunman|unknown gunmen|armed men|cattle raid*|cattle rustl*|raid|raided|cattle|beat|beaten|harass*"
         "|detained|killed|kills|hommes armes|tue|tues|hombres armados|مسلحون مجهولون|مقتل|قتل"),
        (1,
         "civilian*|villager*|women|woman|girl*|children|residents|attack*|wounded|looted|civils|villageois|mort*"
         "|civiles|muertos|مدنيين|قريه|اطفال"),
    )),
    Topic("protest", ("Protests",), (
        (3,
         "protest*|demonstrat*|sit in|march peacefully|peaceful march|rally|rallied|strike action|went on strike"
         "|on strike|stay away strike|manifestation*|manifest*|greve*|rassemblement|manifestacion*|protesta*"
         "|huelga*|marcha pacifica|مظاهره|مظاهرات|احتجاج*|متظاهر*|اعتصام|اضراب|وقفه احتجاجيه"),
        (1,
         "demand*|march*|petition|students|civil servants|unpaid|salar*|revendic*|exigen|مطالب*"),
    )),
    Topic("riot", ("Riots",), (
        (3,
         "riot*|violent demonstration*|mob|burning tyres|burnt tyres|burned tyres|emeute*|pillards|pneus brules"
         "|jets de pierres|disturbios|turba|quema de neumaticos|شغب|حرق اطارات|رشق بالحجاره"),
        (2,
         "tear gas|stones|threw stones|set on fire|gaz lacrymogene*|gases lacrimogenos|غاز مسيل"),
        (1,
         "angry|police|crowd|foule|muchedumbre"),
    )),
    Topic("looting", ("Looting", "Strategic developments"), (
        (3,
         "looting|looted|looters|ransack*|plunder*|pillage*|pilles|pille|saque*|saqueado*|نهب*|سلب"),
        (2,
         "stole|stolen|robbed|robbery|hijack*|carjack*|vol de|vole*|braquage*|robo|robaron|سرقه|سرق*"),
        (1,
         "warehouse*|store|stores|shops|vehicle taken|entrepot*|magasin*|almacen*|مخزن|مخازن"),
    )),
    Topic("aid", ("Attack on aid", "Violence against civilians"), (
        (3,
         "aid worker*|humanitarian worker*|aid convoy|convoy attacked|humanitarian convoy|ingo staff|ngo staff"
         "|un staff|attack on health|health workers attacked|ambulance attacked|hospital attacked|clinic attacked"
         "|attacked a hospital|travailleur* humanitaire*|convoi humanitaire|personnel humanitaire"
         "|trabajador* humanitario*|convoy humanitario|عامل* اغاثه|عمال الاغاثه|قافله انسانيه|قافله اغاثه"
         "|موظف* اغاثه"),
        (2,
         "convoy|ngo|ingo|humanitarian|ambulance|convoi|ong|قافله|اغاثه|منظمه"),
        (1,
         "hospital|clinic|health centre|hopital|centre de sante|مستشفي"),
    )),
    Topic("road", ("Road blocked",), (
        (3,
         "road blocked|road closed|road is closed|road cut|roadblock*|bridge collapsed|bridge destroyed"
         "|bridge is down|bridge out|impassable|road * closed|road * blocked|route coupee|route bloquee"
         "|route impraticable|route * coupee|pont effondre|pont detruit|barrage routier|carretera cortada"
         "|carretera bloqueada|ruta cortada|puente caido|puente destruido|bloqueo|طريق مغلق*|الطريق مغلق*"
         "|طريق مقطوع*|اغلاق الطريق|قطع الطريق|انهيار جسر|جسر منهار|انهار الجسر|انهار جسر"),
        (1,
         "road|bridge|route|pont|carretera|puente|طريق|جسر|detour|trucks stuck"),
    )),
    Topic("displacement", ("Displacement",), (
        (3,
         "displaced|displacement|fled|fleeing|idps|idp|refugees|left their homes|people are leaving|new arrivals"
         "|deplace*|deplacement*|fuient|ont fui|fuite de|desplaz*|huyen|huyeron|نزوح|نازح*|فرار|فر الاهالي|لاجئ*"
         "|لاجي*"),
        (1,
         "families|households|familles|menages|familias|hogares|عائلات|اسر|العائلات|shelter|camp"),
    )),
    Topic("flood", ("flood", "Flood"), (
        (3,
         "flood*|flash flood*|inundat*|inondation*|inonde*|crue|crues|inundacion*|inundad*|desbord*|فيضان*|سيول"
         "|غمرت المياه"),
        (2,
         "river burst|burst its banks|dyke|water level*|submerg*|sous les eaux|montee des eaux|crecida|منسوب"),
        (1,
         "rain*|water|pluie*|lluvia*|امطار|مياه"),
    )),
    Topic("storm", ("tropical cyclone", "storm"), (
        (3,
         "cyclone*|hurricane*|typhoon*|storm surge|tropical storm|ouragan*|tempete*|huracan*|tormenta*|ciclon*"
         "|اعصار|عاصفه*|عواصف"),
        (1,
         "storm|wind*|roofs|vent*|toit*|viento*|رياح"),
    )),
    Topic("quake", ("earthquake",), (
        (3,
         "earthquake*|aftershock*|magnitude|seisme*|tremblement de terre|secousse*|terremoto*|sismo*|زلزال"
         "|هزه ارضيه|هزات"),
    )),
    Topic("fire", ("wildfire", "Fire"), (
        (3,
         "fire destroyed|caught fire|fire broke out|wildfire*|bush fire*|blaze|incendie*|incendio*|حريق*|حرائق"
         "|اندلع حريق"),
        (1,
         "burn*|smoke|flames|fire|fumee|brule*|humo|دخان"),
    )),
    Topic("landslide", ("landslide",), (
        (3,
         "landslide*|mudslide*|rockfall|glissement de terrain|glissements de terrain|deslizamiento*|derrumbe*"
         "|انهيار ارضي|انزلاق*"),
    )),
    Topic("disease", ("Disease outbreak", "Health"), (
        (3,
         "cholera|outbreak|measles|ebola|watery diarrhoea|watery diarrhea|malaria cases|meningitis|rougeole"
         "|epidemie*|flambee|diarrhee*|paludisme|colera|brote|sarampion|epidemia*|كوليرا|حصبه|تفشي|اسهال*|وباء"),
        (1,
         "cases|patients|sick|vaccin*|cas|malades|casos|enfermos|اصابات|حالات|مرضي"),
    )),
    Topic("food", ("Market", "Food"), (
        (3,
         "food shortage*|no food|famine|hunger|prices doubled|price of * doubled|market closed|penurie*"
         "|prix ont double|marche ferme|hambruna|escasez|mercado cerrado|مجاعه|نقص الغذاء|نقص حاد|اغلاق السوق"
         "|ارتفاع الاسعار"),
        (1,
         "prices|market|bread|maize|prix|marche|precios|mercado|اسعار|سوق|خبز"),
    )),
    Topic("accident", ("Accident",), (
        (3,
         "road accident|traffic accident|car accident|crash|crashed|capsized|overturned|plane crash"
         "|accident de la route|accident|chavire|accidente*|volc*|naufrag*|حادث سير|حادث مروري|تصادم|انقلاب شاحنه"
         "|غرق مركب"),
        (1,
         "collision|truck|bus|boat|camion|bateau|barco|شاحنه|حافله"),
    )),
    Topic("move", ("Strategic developments",), (
        (3,
         "ceasefire|peace agreement|peace talks|signed an agreement|withdrew|withdrawal|defect*|arrested|arrests"
         "|appointed|cessez le feu|accord de paix|retrait|arrete*|alto el fuego|acuerdo de paz|retirada|detenid*"
         "|وقف اطلاق النار|اتفاق سلام|انسحاب|اعتقال*"),
        (1,
         "agreement|talks|negotiat*|deployed|base|accord|negociacion*|مفاوضات"),
    )),
    Topic(NOT_RELEVANT, (), (
        (4,
         "football|match|goal*|scored|striker|league|tournament|cup final|film|movie|concert|album|festival|recipe*"
         "|horoscope|fashion|wedding|discount*|lottery|birthday|celebrity|season opener|coach|weather is lovely"
         "|good morning|song|singer|restaurant|giveaway|championnat|entraineur|recette*|soldes|mariage|anniversaire"
         "|chanteu*|loterie|cinema|futbol|receta*|rebajas|boda|cumpleanos|cantante|مباراه*|كره القدم|هدف*|مهرجان*"
         "|فيلم|اغنيه|وصفه|تخفيضات|زفاف|عيد ميلاد|الدوري"),
    )),
)  # fmt: skip
HEDGES = (
    "unconfirmed|not confirmed|rumour*|rumor*|reportedly|allegedly|hearing that|i heard|people say|they say"
    "|anyone confirm|can anyone confirm|is it true|forwarded|as received|non confirme*|rumeur*|il parait|on dit que"
    "|selon des rumeurs|sin confirmar|dicen que|supuestamente|غير موكد*|شائعه|شائعات|اشاعه|يقال|يقولون|هل صحيح"
    "|لم يتم التاكد"
)
"""What says itself that it is not known."""
