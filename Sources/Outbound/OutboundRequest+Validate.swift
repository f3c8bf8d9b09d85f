extension OutboundRequest {
    /// Refuses what could change the request's shape on the wire.
    func validate() throws(OutboundError) {
        guard url.hasPrefix("http://") || url.hasPrefix("https://"), url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else {
            throw OutboundError(code: .invalidRequest, message: "the address is no http or https URL")
        }
        guard !method.isEmpty, method.utf8.allSatisfy(Self.isTokenByte) else {
            throw OutboundError(code: .invalidRequest, message: "the method is no token")
        }
        for header in headers {
            let isClean = header.value.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x09 }
            guard !header.name.isEmpty, header.name.utf8.allSatisfy(Self.isTokenByte), isClean else {
                throw OutboundError(code: .invalidRequest, message: "a header cannot be sent as it is")
            }
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
