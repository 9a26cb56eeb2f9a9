"""The words people use about remixes, as data: each reads as one word of the grammar."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = [
    "CONTRACTIONS",
    "DROPPED",
    "NEUTRAL",
    "NUMBERS",
    "PHRASES",
    "SECTIONS",
    "STEMS",
    "SYNONYMS",
    "UNITS",
]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STEMS = ("vocals", "drums", "bass", "other", "guitars", "keys", "backing", "rhythm")
"""``backing`` is all but the voice, ``rhythm`` drums and bass."""

SECTIONS = ("intro", "verse", "chorus", "build", "main", "breakdown", "drop", "bridge", "outro")

_WORDS: Mapping[str, str] = {
    # stems
    "vocals": "vocal vox voice voices singer singers singing sings sing sung acapella acapellas "
    "acappella acappellas rap raps rapper rapping lyrics toplines topline vocalist "
    "vocalists vocalz",
    "drums": "drum drumming drumbeat percussion percussions percussive kick kicks snare snares "
    "hats hihats hihat cymbals drummer breakbeat",
    "bass": "bassline basslines baseline basslines 808 808s subbass lowend sub bassy",
    "other": "others melody melodies synth synths chords harmony harmonies pad pads strings horns "
    "brass melodic samples leads arpeggio",
    "guitars": "guitar guitarist",
    "keys": "piano pianos keyboard keyboards organ rhodes",
    "backing": "beat beats instrumental instrumentals music instruments accompaniment",
    "rhythm": "groove grooves rhythms",
    # sections
    "intro": "intros introduction opening",
    "verse": "verses",
    "chorus": "choruses refrain refrains",
    "build": "buildup builds buildups riser risers",
    "breakdown": "breakdowns break",
    "drop": "drops climax",
    "bridge": "bridges",
    "outro": "outros ending endings",
    "hook": "hooks",
    "main": "body",
    # what happens to them
    "without": "no minus remove removes removing mute muted kill lose skip ditch exclude omit w/o "
    "sans eliminate delete leaving",
    "louder": "loud boost boosted crank cranked heavier stronger punchier emphasise emphasize "
    "emphasis prominent upfront amplify bigger beefier",
    "quieter": "quiet softer lower lowered reduce reduced subtle gentler subdued attenuate fainter",
    "only": "just solo solely purely alone exclusively isolated",
    "start": "starts starting begin begins beginning opens started",
    "end": "ends finish finishes finishing conclude concludes close closing",
    "add": "adding include includes including bring brings keep keeps want wants need needs "
    "feature features featuring introduce",
    "use": "uses using take takes taking put puts get grab pull lay play plays place combine layer drop_in",
    "in": "during inside within",
    "over": "onto atop above vs versus against upon",
    "under": "beneath underneath below",
    "from": "of by off",
    "with": "feat w",
    "and": "& + plus",
    "then": "afterwards followed subsequently next",
    "swap": "switch exchange swaps swapping switches trade",
    "alternate": "alternates alternating alternately",
    "loop": "loops looping looped repeat repeats repeating",
    # tempo, key, length
    "faster": "quicker speedier uptempo",
    "slower": "slow downtempo",
    "fast": "quickly speedy",
    "tempo": "speed pace",
    "bpm": "bpms",
    "key": "tonality",
    "keep": "preserve maintain unchanged leave stay",
    "change": "touch alter modify shift mess changing changed shifting transposing",
    "semitones": "semitone semi semis halfstep halfsteps",
    "transpose": "transposed pitch pitched",
    "seconds": "second_unit secs sec s",
    "minutes": "minute mins min m",
    "bars": "bar measures measure",
    "beats_unit": "beats_unit",
    "percent": "%",
    "short": "brief quick shortish bitesize",
    "long": "extended lengthy longish",
    "halfway": "midway",
    "last": "final",
    "much": "lot lots way significantly considerably far dramatically",
    "bit": "slightly little touch_more tad somewhat",
    "earlier": "sooner",
    "original": "originals",
    "together": "simultaneously duet duets unison",
    "harder": "harder",
    # moods
    "chill": "chilled chilling chillout calm calmer relaxed relaxing relax mellow laidback smooth "
    "soft gentle dreamy peaceful soothing sleepy sad emotional melancholic melancholy "
    "romantic tender slowjam downbeat",
    "ambient": "atmospheric ethereal spacey spacious cinematic floaty drone",
    "acoustic": "unplugged stripped intimate campfire",
    "lofi": "lo-fi",
    "hard": "heavy aggressive intense brutal banger hype hyped energetic energy party pumping "
    "powerful bangin banging hardcore massive slap slaps hits punchy dark epic",
    "club": "dance dancefloor dj djs house techno edm festival trance rave electro bigroom",
}

SYNONYMS: Mapping[str, str] = {
    word: canon for canon, words in _WORDS.items() for word in [canon, *words.split()]
}
"""One word of a prompt to one word of the grammar."""

PHRASES: Mapping[str, str] = {
    "a cappella": "only vocals",
    "a capella": "only vocals",
    "vocals only": "only vocals",
    "back up": "louder",
    "backing vocals": "vocals",
    "lead vocals": "vocals",
    "lead vocal": "vocals",
    "low end": "bass",
    "sub bass": "bass",
    "bass line": "bass",
    "bass lines": "bass",
    "drum beat": "drums",
    "drop the beat": "drop",
    "beat drop": "drop",
    "bass drop": "drop",
    "beat drops": "drop",
    "drum track": "drums",
    "drum part": "drums",
    "hi hats": "drums",
    "hi hat": "drums",
    "backing track": "backing",
    "everything else": "backing",
    "the rest": "backing",
    "no vocals": "without vocals",
    "build up": "build",
    "builds up": "build",
    "break down": "breakdown",
    "pre chorus": "build",
    "middle eight": "bridge",
    "middle 8": "bridge",
    "kick off": "start",
    "kicks off": "start",
    "start off": "start",
    "starts off": "start",
    "lead in": "intro",
    "at the beginning": "in intro",
    "in the beginning": "in intro",
    "at the start": "in intro",
    "at the end": "in outro",
    "in the end": "in outro",
    "wrap up": "end",
    "leave out": "without",
    "left out": "without",
    "take out": "without",
    "take away": "without",
    "cut out": "without",
    "get rid of": "without",
    "strip out": "without",
    "strip away": "without",
    "do not use": "without",
    "do not want": "without",
    "do not include": "without",
    "do not need": "without",
    "do not have": "without",
    "do not add": "without",
    "do not play": "without",
    "do not put": "without",
    "do not like": "without",
    "not any": "without",
    "everything except": "without",
    "everything but": "without",
    "all but": "without",
    "except for": "without",
    "do not remove": "add",
    "do not cut": "add",
    "do not mute": "add",
    "do not lose": "add",
    "not too loud": "quieter",
    "not so loud": "quieter",
    "not as loud": "quieter",
    "not loud": "quieter",
    "less loud": "quieter",
    "too loud": "quieter",
    "too quiet": "louder",
    "more quiet": "quieter",
    "turn down": "quieter",
    "turned down": "quieter",
    "tone down": "quieter",
    "bring down": "quieter",
    "dial back": "quieter",
    "dial down": "quieter",
    "pull back": "quieter",
    "in the background": "quieter",
    "turn up": "louder",
    "turned up": "louder",
    "bring up": "louder",
    "crank up": "louder",
    "pump up": "louder",
    "bring out": "louder",
    "bring forward": "louder",
    "focus on": "louder",
    "in front": "louder",
    "front and center": "louder",
    "in your face": "hard",
    "nothing but": "only",
    "nothing except": "only",
    "by itself": "only",
    "by themselves": "only",
    "on its own": "only",
    "on their own": "only",
    "speed up": "faster",
    "sped up": "faster",
    "speed it up": "faster",
    "pick up the pace": "faster",
    "slow down": "slower",
    "slowed down": "slower",
    "slow it down": "slower",
    "slow it": "slower",
    "more slowly": "slower",
    "more relaxed": "chill",
    "not too fast": "slower bit",
    "not too slow": "faster bit",
    "not too long": "short",
    "not too short": "long",
    "not long": "short",
    "half time": "halftime",
    "half speed": "halftime",
    "double time": "doubletime",
    "double speed": "doubletime",
    "lo fi": "lofi",
    "laid back": "chill",
    "slow jam": "chill",
    "stripped back": "acoustic",
    "stripped down": "acoustic",
    "high energy": "hard",
    "drum and bass": "dnb",
    "drum & bass": "dnb",
    "drum n bass": "dnb",
    "d&b": "dnb",
    "hip hop": "hiphop",
    "mid way": "halfway",
    "half way": "halfway",
    "in the middle": "halfway",
    "half steps": "semitones",
    "half step": "semitones",
    "whole step": "2 semitones",
    "whole tone": "2 semitones",
    "semi tones": "semitones",
    "a bit": "bit",
    "a little": "bit",
    "a touch": "bit",
    "a tad": "bit",
    "a lot": "much",
    "way more": "much more",
    "lots of": "more",
    "a lot of": "more",
    "plenty of": "more",
    "tons of": "more",
    "drop it down": "down",
    "drop it by": "down",
    "in the second half": "halfway",
    "for the second half": "halfway",
    "after half": "halfway",
    "each other": "alternate",
    "take turns": "alternate",
    "taking turns": "alternate",
    "trade off": "alternate",
    "back and forth": "alternate",
    "call and response": "alternate",
    "trade verses": "alternate",
    "at the same time": "together",
    "on top of": "over",
    "fade out": "fadeout",
    "fades out": "fadeout",
    "fade in": "fadein",
    "fades in": "fadein",
    "beats per minute": "bpm",
    "b p m": "bpm",
    "do not touch": "keep",
    "do not change": "keep",
    "do not alter": "keep",
    "do not shift": "keep",
    "do not transpose": "keep key",
    "do not speed": "keep tempo",
    "as it is": "keep",
    "as is": "keep",
}
"""Several words of a prompt to words of the grammar; longest first, articles count."""

CONTRACTIONS: Mapping[str, str] = {
    "don't": "do not",
    "dont": "do not",
    "doesn't": "do not",
    "doesnt": "do not",
    "can't": "can not",
    "cant": "can not",
    "won't": "will not",
    "isn't": "is not",
    "isnt": "is not",
    "shouldn't": "should not",
    "shouldnt": "should not",
    "aren't": "are not",
    "wouldn't": "would not",
    "i'd": "i would",
    "i'm": "i am",
    "im": "i am",
    "let's": "let us",
    "lets": "let us",
    "it's": "it is",
    "that's": "that is",
    "there's": "there is",
    "i'll": "i will",
    "wanna": "want to",
    "gonna": "going to",
    "gimme": "give me",
    "cannot": "can not",
    "u": "you",
    "pls": "please",
    "teh": "the",
    "hte": "the",
    "adn": "and",
    "wiht": "with",
    "form": "from",
    "plz": "please",
    "w/": "with",
    "n": "and",
    "'n'": "and",
    "instr": "instrumental",
}

_COUNTED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_TENS = {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
NUMBERS: Mapping[str, int] = {word: number for number, word in enumerate(_COUNTED.split(" "))} | _TENS

UNITS = _set(
    "seconds second secs sec s minutes minute mins min m bars bar measures measure beats beat bpm "
    "semitones semitone steps step percent % half and"
)

DROPPED = _set(
    "the a an some any my our your this that these those please pls kindly very really quite so too such "
    "kind sort certain whole entire full all nice nicely big huge good great cool every each both_sides "
    "like"
)
"""Words that say nothing to the grammar."""

NEUTRAL = _set(
    "i we you it its is are be was were am would could should will can may might do does did not to in on "
    "at for as if but or so that which who what when where while until till into out up down there here "
    "them they he she his her me us make makes made making create creates give gives let have has having "
    "want turn go goes going come comes coming remix remixes remixed mash mashup mashups mix mixes mixed "
    "blend blends song songs track tracks tune tunes part parts section sections piece version something "
    "anything thing things stuff way awesome amazing best perfect epic interesting creative surprise fun "
    "funny beautiful lovely wow hey hi hello thanks thank sound sounds sounding feel feels feeling vibe "
    "vibes style more less most well also maybe perhaps probably think same different one ones ok okay "
    "yeah yes um through during throughout between before after about around really simple simply "
    "whatever up work works job yourself together merge merged fuse connect transition transitions "
    "crossfade smoothly side first second third both happy uplifting summer catchy groovy driving fresh "
    "modern classic unique special new try see hear listen people friends wedding workout gym running car "
    "drive night day morning birthday possible actually basically totally again once only just even still "
    "than because since should'd ve ll re t d 's other another nice great good cool like love loves total "
    "length duration around roughly approximately about exactly least most around"
)
"""Words that are no reason to say that something was not understood."""
