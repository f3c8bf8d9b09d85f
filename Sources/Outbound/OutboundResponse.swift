/// A whole answer.
package struct OutboundResponse: Sendable {
    package var head: OutboundHead
    package var body: [UInt8]
    package var timings: OutboundTimings

    package var status: Int { head.status }

    package init(head: OutboundHead, body: [UInt8], timings: OutboundTimings) {
        self.head = head
        self.body = body
        self.timings = timings
    }
}

/// Status and headers of an answer.
package struct OutboundHead: Sendable {
    package var status: Int
    /// Names in lower case.
    package var headers: [OutboundHeader]
    /// `1.0`, `1.1` or `2`.
    package var version: String

    package init(status: Int, headers: [OutboundHeader], version: String) {
        self.status = status
        self.headers = headers
        self.version = version
    }

    /// The first value of a header. `name` in lower case.
    package subscript(name: String) -> String? {
        headers.first { $0.name == name }?.value
    }
}

/// When each phase of a call ended, counted from its start. Zero: the phase did not happen (a connection was reused).
package struct OutboundTimings: Sendable, Equatable {
    package var nameLookup: Duration
    package var connect: Duration
    package var tls: Duration
    package var firstByte: Duration
    package var total: Duration

    package init(
        nameLookup: Duration = .zero, connect: Duration = .zero, tls: Duration = .zero, firstByte: Duration = .zero, total: Duration = .zero
    ) {
        self.nameLookup = nameLookup
        self.connect = connect
        self.tls = tls
        self.firstByte = firstByte
        self.total = total
    }
}
