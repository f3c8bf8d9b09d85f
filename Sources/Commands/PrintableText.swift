/// Text of other people, made safe for a terminal: hostnames, names and messages may hold whatever somebody put into them.
enum PrintableText {
    /// Control characters and what turns the direction of text become spaces, so nothing steers the terminal or starts a line of its own.
    static func clean(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { isPrintable($0) ? $0 : " " }))
    }

    static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: false
        case .format: !scalar.properties.isBidiControl
        default: true
        }
    }
}
