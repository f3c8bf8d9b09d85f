import CLibpq

extension Session {
    private static let portion = 65_536

    func copy(_ text: String, _ lines: [UInt8]) throws(PostgresError) -> Int {
        begin()
        guard PQsendQuery(handle, text) == 1 else { throw .lost }
        guard try lastResult().status == PGRES_COPY_IN else { throw PostgresError(.invalidUse, "the server did not ask for rows") }
        var start = 0
        while start < lines.count, !wasCancelled {
            let end = min(start + Self.portion, lines.count)
            try put(lines[start..<end])
            start = end
        }
        try finish(because: wasCancelled ? "cancelled" : nil)
        if wasCancelled {
            // Read to the end, so that the session can be used again; the refusal is the one asked for above.
            while try nextResult() != nil {}
            throw PostgresError(.cancelled, "the caller gave up")
        }
        return try lastResult().affectedRows
    }

    private func put(_ part: ArraySlice<UInt8>) throws(PostgresError) {
        while true {
            let status = part.withUnsafeBytes { PQputCopyData(handle, $0.baseAddress?.assumingMemoryBound(to: CChar.self), Int32($0.count)) }
            if status == 1 { break }
            guard status == 0 else { throw .lost }
            try wait(forWriting: true)
        }
        while try flush() {
            try wait(forWriting: true)
            if wasCancelled { return }
        }
    }

    private func finish(because reason: String?) throws(PostgresError) {
        while true {
            let status = reason.map { PQputCopyEnd(handle, $0) } ?? PQputCopyEnd(handle, nil)
            if status == 1 { return }
            guard status == 0 else { throw .lost }
            try wait(forWriting: true)
        }
    }
}

/// Rows in the text format of COPY: fields between tabs, lines ended by a newline, NULL as `\N`.
enum CopyText {
    static func encode(_ rows: [[any SQLBindable]]) -> [UInt8] {
        var bytes: [UInt8] = []
        for row in rows {
            for (index, field) in row.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: "\t")) }
                append(field.sqlValue.text, to: &bytes)
            }
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }

    private static func append(_ text: String?, to bytes: inout [UInt8]) {
        guard let text else {
            bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "N")])
            return
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes.append(contentsOf: [byte, byte])
            case UInt8(ascii: "\t"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
            case UInt8(ascii: "\n"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
            case UInt8(ascii: "\r"): bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
            default: bytes.append(byte)
            }
        }
    }
}
