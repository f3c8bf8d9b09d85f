/// The answer to one prompt: words that follow from prompt and seed alone, so that two runtimes of a release agree and a golden answer can be kept.
///
/// Orders may stand in a prompt: `[[echo TEXT]]` makes TEXT the first token, so that a test can follow a marker from a prompt into an answer;
/// `[[tokens N]]` makes the story N tokens long; `[[play NAME]]` has a `Recording` played in its place.
struct Story {
    /// Tokens after which the story ends by itself.
    let length: Int
    private let state: UInt64
    private let echo: String?

    init(prompt: String, seed: UInt64) {
        var state = 0xcbf2_9ce4_8422_2325 ^ seed
        for byte in prompt.utf8 {
            state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
        }
        self.state = state
        let ordered = Self.order("tokens", in: prompt).flatMap(Int.init)
        length = max(1, min(ordered ?? 24 + Int(Self.mixed(state) % 64), 1_000_000))
        echo = Self.order("echo", in: prompt)
    }

    /// The text of one token; all but the first begin with a space.
    func token(at index: Int, choice: Int = 0) -> String {
        if index == 0, let echo { return echo }
        let number = Self.mixed(state &+ UInt64(choice) &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(index))
        let word = Self.words[Int(number % UInt64(Self.words.count))]
        return index == 0 ? word : " " + word
    }

    func text(from first: Int = 0, tokens: Int, choice: Int = 0) -> String {
        (first..<first + tokens).map { token(at: $0, choice: choice) }.joined()
    }

    /// How many tokens of the story make up the text; 0 when it does not begin so.
    func tokens(of text: String) -> Int {
        var (count, known) = (0, "")
        while count < length, known.utf8.count < text.utf8.count {
            known += token(at: count)
            count += 1
        }
        return known == text ? count : 0
    }

    static func order(_ name: String, in prompt: String) -> String? {
        guard let start = prompt.firstRange(of: "[[\(name) ") else { return nil }
        let rest = prompt[start.upperBound...]
        guard let end = rest.firstRange(of: "]]") else { return nil }
        return String(rest[..<end.lowerBound])
    }

    /// Finaliser of splitmix64: neighbouring inputs give unrelated outputs.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    private static let words = [
        "anchor", "ballast", "beacon", "bow", "bridge", "buoy", "cable", "calm", "captain", "cargo", "channel", "chart", "coast", "compass", "crew",
        "current", "deck", "depth", "dock", "draft", "drift", "ebb", "engine", "fathom", "flag", "fleet", "float", "freight", "galley", "gauge",
        "hail", "harbour", "hatch", "helm", "hold", "hull", "keel", "knot", "ladder", "lantern", "league", "line", "load", "log", "mark", "mast",
        "mooring", "pilot", "port", "quay", "reef", "rope", "rudder", "sail", "shoal", "signal", "sound", "stern", "swell", "tide", "voyage", "wake",
        "watch", "weather",
    ]
}
