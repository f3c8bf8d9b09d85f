import Logging

/// The bytes of one line, never longer than its bound, always ended by a line feed, whole fields only.
struct LogLine {
    private(set) var bytes: [UInt8] = []
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    mutating func appendJSON(_ record: LogRecord) {
        bytes += Array("{\"time\":\"\(record.time)\",\"level\":\"\(record.level.rawValue)\",\"logger\":".utf8)
        appendQuoted(record.label)
        bytes += Array(",\"message\":".utf8)
        // Half of the line at most, so that there is room for the fields, six bytes for each that may need escaping.
        appendQuoted(String(decoding: record.message.utf8.prefix(limit / 12), as: UTF8.self))
        for field in record.fields {
            var part = LogLine(limit: limit)
            part.bytes.append(UInt8(ascii: ","))
            part.appendQuoted(field.name)
            part.bytes.append(UInt8(ascii: ":"))
            part.appendQuoted(field.value)
            appendIfFits(part.bytes, reserve: 2)
        }
        bytes += Array("}\n".utf8)
    }

    mutating func appendText(_ record: LogRecord) {
        let level = record.level.rawValue.uppercased()
        bytes += Array("\(record.time) \(level) \(record.label): ".utf8)
        appendPrintable(String(decoding: record.message.utf8.prefix(limit / 2), as: UTF8.self))
        for field in record.fields {
            var part = LogLine(limit: limit)
            part.bytes += Array(" \(field.name)=".utf8)
            part.appendPrintable(field.value)
            appendIfFits(part.bytes, reserve: 1)
        }
        bytes.append(UInt8(ascii: "\n"))
    }

    private mutating func appendIfFits(_ part: [UInt8], reserve: Int) {
        if bytes.count + part.count + reserve <= limit { bytes += part }
    }

    private mutating func appendQuoted(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0x0a: bytes += Array("\\n".utf8)
            case 0x00..<0x20, 0x7f: bytes += Array("\\u00".utf8) + [Self.hex(byte >> 4), Self.hex(byte & 15)]
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Control characters become spaces, so that nobody can forge a second line or steer a terminal.
    private mutating func appendPrintable(_ text: String) {
        bytes += text.utf8.map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: " ") : $0 }
    }

    private static func hex(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }
}
