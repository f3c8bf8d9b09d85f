/// What stands in front of a document of the status page, wherever it is served.
package enum StatusAnswer {
    /// Nothing is loaded, run or sent from a page; its own style is all there is.
    private static let policy =
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    /// Field names in lower case, with their values.
    package static func fields(contentType: String, tag: String) -> [(String, String)] {
        var fields = [
            ("content-type", contentType), ("etag", tag), ("cache-control", "public, max-age=15"), ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
        ]
        if contentType.hasPrefix("text/html") {
            fields.append(("content-security-policy", policy))
        } else {
            // Scripts of other origins see only what is named: without the age they would take old news for new.
            fields += [("access-control-allow-origin", "*"), ("access-control-expose-headers", "x-plimsoll-status-age")]
        }
        return fields
    }

    /// An entity tag of a body: 64 bits of FNV-1a, twice from different starts. It tells versions apart and proves nothing.
    package static func tag(_ body: String) -> String {
        var (first, second): (UInt64, UInt64) = (0xcbf2_9ce4_8422_2325, 0x8422_2325_cbf2_9ce4)
        for byte in body.utf8 {
            first = (first ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
            second = (second ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 &+ 1
        }
        return "\"\(String(first, radix: 36))-\(String(second, radix: 36))\""
    }

    /// RFC 9110, section 13.1.2: by weak comparison.
    package static func isKnown(_ tag: String, to condition: String?) -> Bool {
        guard let condition else { return false }
        let tags = condition.split(separator: ",").map { $0.drop { $0 == " " } }.map { $0.hasPrefix("W/") ? $0.dropFirst(2) : $0 }
        return tags.contains { $0.prefix { $0 != " " } == tag || $0 == "*" }
    }
}
