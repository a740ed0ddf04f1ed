//! Text that is distributed like language: a vocabulary of Chinese and of Latin words in which the n-th word is about n times
//! rarer than the first, in sentences as long as people type them. The same seed makes the same vocabulary.

use std::sync::Arc;

/// Characters in the order of how often Chinese texts use them; what is rarer is taken from the rest of the block.
const HAN: &str = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然\
    家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公\
    此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内\
    信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才\
    结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难\
    且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运";
/// The most common words of English.
const LATIN: &str = "the be to of and a in that have i it for not on with he as you do at this but his by from they we say her she or an \
    will my one all would there their what so up out if about who get which go me when make can like time no just him know take people \
    into year your good some could them see other than then now look only come its over think also back after use two how our work \
    first well way even new want because any these give day most us";
const SYLLABLES: &str = "ba be bi ca co da de di do fa fe ga go ha he hi jo ka ke la le li lo ma me mi mo na ne ni no pa pe po ra re ri ro sa \
    se si so ta te ti to va ve vi wa we ya zo";
/// Words of each language.
const WORDS: usize = 20_000;

/// A vocabulary.
pub struct Prose {
    han: Vec<String>,
    latin: Vec<String>,
    /// How likely a word of this rank or a more common one is, summed up.
    likely: Vec<f64>,
}

/// A word that is looked for, by how common it is.
pub struct Wanted {
    /// What it is called in a report.
    pub name: &'static str,
    /// The word.
    pub word: String,
}

impl Prose {
    /// The vocabulary.
    pub fn new() -> Arc<Self> {
        let mut chance = Chance::new(26);
        let common: Vec<char> = HAN.chars().filter(|character| !character.is_whitespace()).collect();
        let rare = ('\u{4e00}'..='\u{5fff}').filter(|character| !common.contains(character));
        let characters: Vec<char> = common.iter().copied().chain(rare.take(2_600)).collect();
        let of_characters = sums(characters.len());
        let han = (0..WORDS).map(|_| {
            let length = [1, 2, 2, 2, 2, 3, 4][chance.below(7)];
            (0..length).map(|_| characters[chance.rank(&of_characters)]).collect()
        });
        let han = distinct(han);
        let syllables: Vec<&str> = SYLLABLES.split_whitespace().collect();
        let made =
            (0..WORDS).map(|_| (0..2 + chance.below(3)).map(|_| syllables[chance.below(syllables.len())]).collect());
        let made: Vec<String> = made.collect();
        let latin = distinct(LATIN.split_whitespace().map(str::to_owned).chain(made));
        let likely = sums(han.len().min(latin.len()));
        Arc::new(Self { han, latin, likely })
    }

    /// One message: two in three Chinese, the others Latin, some of both.
    pub fn message(&self, chance: &mut Chance) -> String {
        let mut text = String::new();
        let language = chance.below(6);
        for word in 0..3 + chance.below(20) {
            let rank = chance.rank(&self.likely);
            if language < 4 && !(language == 3 && word % 5 == 4) {
                text.push_str(&self.han[rank]);
                if chance.below(7) == 0 {
                    text.push('，');
                }
            } else {
                text.push(' ');
                text.push_str(&self.latin[rank]);
                text.push(' ');
            }
        }
        text
    }

    /// What to look for: a frequent and a rare word of each language, and a phrase.
    pub fn wanted(&self) -> Vec<Wanted> {
        let wanted = |name, word: String| Wanted { name, word };
        let of = |words: &[String], long: usize, from: usize| {
            words[from..].iter().find(|word| word.chars().count() >= long).cloned().unwrap_or_default()
        };
        vec![
            wanted("han_frequent", of(&self.han, 1, 0)),
            wanted("han_word", of(&self.han, 2, 20)),
            wanted("han_rare", of(&self.han, 4, WORDS / 2)),
            wanted("latin_frequent", self.latin[0].clone()),
            wanted("latin_rare", of(&self.latin, 6, WORDS / 2)),
        ]
    }
}

/// Each word once, in order.
fn distinct(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    words.filter(|word| seen.insert(word.clone())).collect()
}

fn sums(count: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let each = (1..=count).map(|rank| {
        sum += 1.0 / rank as f64;
        sum
    });
    each.collect()
}

/// Numbers that look random and are the same each time.
pub struct Chance(u64);

impl Chance {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound.max(1) as u64) as usize
    }

    /// A rank, the common ones more often.
    fn rank(&mut self, sums: &[f64]) -> usize {
        let total = sums.last().copied().unwrap_or(1.0);
        let at = self.number() as f64 / u64::MAX as f64 * total;
        sums.partition_point(|&sum| sum < at).min(sums.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_words_are_frequent_and_rare_ones_rare() {
        let (prose, mut chance) = (Prose::new(), Chance::new(1));
        let messages: Vec<String> = (0..2_000).map(|_| prose.message(&mut chance)).collect();
        let share =
            |word: &str| messages.iter().filter(|message| message.contains(word)).count() * 100 / messages.len();
        let wanted = prose.wanted();
        assert!(share(&wanted[0].word) > 20 && share(&wanted[3].word) > 10, "{}", share(&wanted[0].word));
        assert!(share(&wanted[2].word) < 2 && share(&wanted[4].word) < 2);
        assert_eq!(Prose::new().message(&mut Chance::new(7)), prose.message(&mut Chance::new(7)));
    }
}
