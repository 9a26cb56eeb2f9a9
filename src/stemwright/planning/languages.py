"""The basics of German, Spanish and French, word for word into the English of the grammar."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["LANGUAGES", "language_of", "translated"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ENGLISH = _set(
    "the of from with and over without vocals drums bass song make start end louder faster slower want "
    "more less only first second for use put keep it is to in then"
)

_GERMAN = """
gesang=vocals stimme=vocals stimmen=vocals sänger=vocals sängerin=vocals schlagzeug=drums
trommeln=drums drums=drums bass=bass bässe=bass melodie=other klavier=keys gitarre=guitars
gitarren=guitars musik=backing instrumente=backing beat=backing rhythmus=rhythm von=from vom=from
aus=from des=from mit=with und=and oder=or über=over unter=under auf=over ohne=without kein=without
keine=without keinen=without nur=only lauter=louder laut=louder leiser=quieter leise=quieter
mehr=more weniger=less schneller=faster langsamer=slower langsam=slower schnell=faster lied=song
song=song stück=song erste=first ersten=first erstes=first erster=first zweite=second zweiten=second
zweites=second zweiter=second beide=both beiden=both anfang=intro beginne=start beginnen=start
starte=start fang=start ende=end enden=end strophe=verse refrain=chorus refrains=chorus aufbau=build
kurz=short kurzer=short kurzes=short kurze=short lang=long langer=long langes=long lange=long
sekunden=seconds minuten=minutes minute=minutes takte=bars tempo=tempo tonart=key behalten=keep
behalte=keep lass=keep ruhig=chill ruhiger=chill entspannt=chill hart=hard härter=hard tanzbar=club
akustisch=acoustic im=in am=in in=in der=the die=the das=the den=the dem=the ein=a eine=a einen=a
einem=a mach=make mache=make bitte=please nicht=not zu=to dann=then zusammen=together
abwechselnd=alternate ich=i möchte=want will=want soll=should etwas=bit viel=much es=it ist=is
sein=be für=for und=and höher=up tiefer=down halbtöne=semitones remix=remix
"""

_SPANISH = """
voz=vocals voces=vocals cantante=vocals canto=vocals batería=drums bateria=drums tambores=drums
percusión=drums bajo=bass melodía=other melodia=other piano=keys guitarra=guitars música=backing
musica=backing instrumental=backing ritmo=backing base=backing de=from del=from con=with y=and o=or
sobre=over sin=without solo=only sólo=only solamente=only fuerte=louder alto=louder alta=louder
suave=chill bajito=quieter más=more mas=more menos=less rápido=faster rapido=faster lento=slower
lenta=slower despacio=slower canción=song cancion=song tema=song primera=first primer=first
segunda=second segundo=second ambas=both ambos=both principio=intro empieza=start empezar=start
comienza=start termina=end terminar=end final=outro estrofa=verse estribillo=chorus coro=chorus
corto=short corta=short largo=long larga=long segundos=seconds minutos=minutes minuto=minutes
compases=bars tonalidad=key mantén=keep manten=keep tranquilo=chill tranquila=chill duro=hard
bailable=club acústico=acoustic acustico=acoustic el=the la=the los=the las=the un=a una=a en=in
haz=make hacer=make quiero=want por=for favor=please no=without luego=then después=then despues=then
juntos=together juntas=together lo=it que=that poco=bit mucho=much para=for al=to remix=remix
pon=use
"""

_FRENCH = """
voix=vocals chant=vocals chanteur=vocals chanteuse=vocals batterie=drums percussions=drums
basse=bass mélodie=other melodie=other piano=keys guitare=guitars musique=backing
instrumentale=backing rythme=backing de=from du=from des=from avec=with et=and ou=or sur=over
sans=without pas=without seulement=only uniquement=only fort=louder forte=louder fortes=louder
doux=chill douce=chill plus=more moins=less rapide=faster vite=faster lent=slower lente=slower
lentement=slower chanson=song morceau=song titre=song première=first premiere=first premier=first
deuxième=second deuxieme=second seconde=second deux=both début=intro debut=intro commence=start
commencer=start finis=end finir=end termine=end fin=outro couplet=verse refrain=chorus court=short
courte=short longue=long secondes=seconds minutes=minutes minute=minutes mesures=bars tonalité=key
tonalite=key garde=keep garder=keep calme=chill dur=hard dansant=club acoustique=acoustic le=the
la=the les=the un=a une=a dans=in en=in au=in fais=make faire=make je=i veux=want pour=for puis=then
ensuite=then ensemble=together peu=bit beaucoup=much il=it ne=do que=that mets=use remix=remix l=the
d=from
"""


def _table(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


ENGLISH_TOO = _set(
    "in am die an on so do no use son pas base solo final fin son plus or minute minutes long short tempo "
    "song remix lo fi hi mix club chill "
    "bass drums piano beat instrumental refrain lang hart des den en de la le y o con sin fort dur pour put"
)
"""Words that say nothing about the language."""

LANGUAGES: Mapping[str, Mapping[str, str]] = {
    "German": _table(_GERMAN),
    "Spanish": _table(_SPANISH),
    "French": _table(_FRENCH),
}
MARKERS: Mapping[str, frozenset[str]] = {
    "Italian": _set("della il con senza voce canzone più batteria e di una gli basso che"),
    "Portuguese": _set("com sem voz música da do bateria mais uma não baixo e canção"),
    "Dutch": _set("het een met zonder stem liedje nummer van en de zang sneller"),
}
"""Enough of other languages to say which one was not understood."""

NOT_LATIN = re.compile(r"[Ͱ-ӿԱ-ۿऀ-๿぀-ヿ㐀-鿿가-힣]")


def language_of(words: Sequence[str]) -> str:
    """Guess the language of a prompt: the one most of whose words are known; English in doubt."""
    scores = {
        name: sum(word in table and word not in ENGLISH_TOO for word in words)
        for name, table in LANGUAGES.items()
    }
    scores |= {name: sum(word in marks for word in words) - 1 for name, marks in MARKERS.items()}
    best = max(scores, key=lambda name: scores[name])
    own = LANGUAGES.get(best, {})
    english = sum(word in _ENGLISH and word not in own for word in words)
    return best if scores[best] > english else "English"


def translated(word: str, language: str) -> str:
    """Return the English of a word, or the word."""
    return LANGUAGES.get(language, {}).get(word, word)
