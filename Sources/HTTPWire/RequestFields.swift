/// The fields of one HTTP/2 request (RFC 9113, section 8), read into the value that a head of HTTP/1.1 gives; its ranges count in `bytes`.
///
/// Keep one for each event loop: its storage is used again.
package struct RequestFields: Sendable {
    /// Names and values of what was added since `begin`, one after the other.
    package private(set) var bytes: [UInt8] = []
    private var lines: [FieldLine] = []
    private let limits: HeadLimits

    package init(limits: HeadLimits = HeadLimits()) {
        self.limits = limits
    }

    package mutating func begin() {
        bytes.removeAll(keepingCapacity: true)
        lines.removeAll(keepingCapacity: true)
    }

    /// In the order in which they came. What is beyond the limits is not kept.
    package mutating func add(_ name: String, _ value: String) {
        guard lines.count <= limits.fields, bytes.count <= limits.bytes else { return }
        let start = bytes.count
        bytes.append(contentsOf: name.utf8)
        let middle = bytes.count
        bytes.append(contentsOf: value.utf8)
        lines.append(FieldLine(name: start..<middle, value: middle..<bytes.count))
    }

    /// Where the values of a field stand, in their order: for fields that are rarely asked for.
    ///
    /// - Parameter name: In lower case.
    package func values(of name: StaticString) -> [Range<Int>] {
        bytes.withUnsafeBytes { bytes in lines.filter { HeadBytes.equal(bytes, $0.name, to: name) }.map(\.value) }
    }

    /// - Parameter isEnd: No data follow.
    package func request(isEnd: Bool) throws(HTTPFault) -> RequestHead {
        try checkSize()
        let result: Result<RequestHead, HTTPFault> = bytes.withUnsafeBytes { bytes in
            var reader = Reader(bytes: bytes)
            do throws(HTTPFault) {
                for line in lines { try reader.take(line) }
                return .success(try reader.finish(isEnd: isEnd, limits: limits))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Fields behind a body say nothing to us, but must be ones: no pseudo-fields, nothing about the connection.
    package func checkTrailers() throws(HTTPFault) {
        try checkSize()
        let isGood = bytes.withUnsafeBytes { bytes in
            lines.allSatisfy { Reader.isField($0, bytes) && !Reader.isOfConnection($0, bytes) }
        }
        guard isGood else { throw .malformedField }
    }

    private func checkSize() throws(HTTPFault) {
        guard lines.count <= limits.fields else { throw .tooManyFields }
        guard bytes.count <= limits.bytes else { throw .headTooLarge }
    }
}

extension RequestFields {
    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        private var head = RequestHead(method: .other, target: 0..<0, isHTTP11: true)
        private var body = MessageBody()
        private var method: Range<Int>?
        private var path: Range<Int>?
        private var authority: Range<Int>?
        private var hasScheme = false
        private var isBehindPseudo = false

        init(bytes: UnsafeRawBufferPointer) {
            self.bytes = bytes
        }

        mutating func take(_ line: FieldLine) throws(HTTPFault) {
            guard line.name.isEmpty || bytes[line.name.lowerBound] != UInt8(ascii: ":") else { return try takePseudo(line) }
            isBehindPseudo = true
            guard Self.isField(line, bytes), !Self.isOfConnection(line, bytes) else { throw .malformedField }
            if HeadBytes.equal(bytes, line.name, to: "te"), !HeadBytes.equal(bytes, line.value, to: "trailers") { throw .malformedField }
            try head.take(line, of: bytes, &body)
        }

        private mutating func takePseudo(_ line: FieldLine) throws(HTTPFault) {
            guard !isBehindPseudo else { throw .malformedField }
            switch line.name.count {
            case 5 where HeadBytes.equal(bytes, line.name, to: ":path"): try Self.set(&path, line)
            case 7 where HeadBytes.equal(bytes, line.name, to: ":method"): try Self.set(&method, line)
            case 7 where HeadBytes.equal(bytes, line.name, to: ":scheme"):
                let isWeb =
                    HeadBytes.equal(bytes, line.value, ignoringCase: "https") || HeadBytes.equal(bytes, line.value, ignoringCase: "http")
                guard !hasScheme, isWeb else { throw .malformedField }
                hasScheme = true
            case 10 where HeadBytes.equal(bytes, line.name, to: ":authority"):
                guard authority == nil, HostField.isValid(bytes, line.value) else { throw .invalidHost }
                authority = line.value
            default: throw .malformedField
            }
        }

        private static func set(_ place: inout Range<Int>?, _ line: FieldLine) throws(HTTPFault) {
            guard place == nil else { throw .malformedField }
            place = line.value
        }

        mutating func finish(isEnd: Bool, limits: HeadLimits) throws(HTTPFault) -> RequestHead {
            guard let method, (1...32).contains(method.count), method.allSatisfy({ HeadBytes.isToken(bytes[$0]) }) else { throw .malformedLine }
            head.method = RequestHead.method(bytes, method)
            if HeadBytes.equal(bytes, method, to: "CONNECT") {
                guard path == nil, !hasScheme, authority != nil else { throw .malformedLine }
            } else {
                guard hasScheme, let path else { throw .malformedLine }
                try readPath(path, limits)
            }
            try agreeOnHost()
            try readFraming(isEnd: isEnd)
            return head
        }

        private mutating func readPath(_ path: Range<Int>, _ limits: HeadLimits) throws(HTTPFault) {
            guard path.count <= limits.targetBytes else { throw .targetTooLong }
            let isStar = HeadBytes.equal(bytes, path, to: "*") && head.method == .options
            guard isStar || (!path.isEmpty && bytes[path.lowerBound] == UInt8(ascii: "/")) else { throw .malformedLine }
            guard path.allSatisfy({ HeadBytes.isTarget(bytes[$0]) }) else { throw .malformedLine }
            head.target = path
        }

        /// RFC 9113, section 8.3.1: one of them at least, and no contradiction.
        private mutating func agreeOnHost() throws(HTTPFault) {
            guard let authority else {
                guard head.host != nil else { throw .missingHost }
                return
            }
            if let host = head.host { guard HeadBytes.equal(bytes, host, toASCIIOf: authority) else { throw .invalidHost } }
            head.host = authority
        }

        private mutating func readFraming(isEnd: Bool) throws(HTTPFault) {
            head.framing = try body.framing(isHTTP11: true)
            if case .length(let length) = head.framing {
                guard !isEnd || length == 0 else { throw .invalidLength }
            } else if !isEnd {
                // Ends with its stream.
                head.framing = .untilClose
            }
        }

        /// A name in lower case, a value without control bytes and without white space around it (section 8.2.1).
        static func isField(_ line: FieldLine, _ bytes: UnsafeRawBufferPointer) -> Bool {
            guard !line.name.isEmpty, line.name.allSatisfy({ HeadBytes.isToken(bytes[$0]) && !(0x41...0x5A).contains(bytes[$0]) }) else {
                return false
            }
            guard line.value.allSatisfy({ HeadBytes.isFieldByte(bytes[$0]) }) else { return false }
            guard let first = line.value.first, let last = line.value.last else { return true }
            return bytes[first] > 0x20 && bytes[last] > 0x20
        }

        /// Section 8.2.2: what HTTP/1.1 says about a connection, or about a body's transfer.
        static func isOfConnection(_ line: FieldLine, _ bytes: UnsafeRawBufferPointer) -> Bool {
            switch line.name.count {
            case 7: HeadBytes.equal(bytes, line.name, to: "upgrade")
            case 10: HeadBytes.equal(bytes, line.name, to: "connection") || HeadBytes.equal(bytes, line.name, to: "keep-alive")
            case 16: HeadBytes.equal(bytes, line.name, to: "proxy-connection")
            case 17: HeadBytes.equal(bytes, line.name, to: "transfer-encoding")
            default: false
            }
        }
    }
}
