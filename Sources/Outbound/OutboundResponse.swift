/// A whole answer.
package struct OutboundResponse: Sendable {
    package var head: OutboundHead
    package var body: [UInt8]
    package var timings: OutboundTimings
    /// When pieces of the body came, in order; at most `mostArrivals`.
    package var arrivals: [OutboundArrival]

    /// The pieces of a longer answer that follow are told with the last one.
    package static let mostArrivals = 4_096

    package var status: Int { head.status }

    package init(head: OutboundHead, body: [UInt8], timings: OutboundTimings, arrivals: [OutboundArrival] = []) {
        self.head = head
        self.body = body
        self.timings = timings
        self.arrivals = arrivals
    }

    /// When a byte of the body came, counted from the call's start; nil: it is not known.
    ///
    /// - Parameter offset: From 0.
    package func arrival(ofByte offset: Int) -> Duration? {
        arrivals.first { offset < $0.end }?.after
    }
}

/// A piece of a body.
package struct OutboundArrival: Sendable, Equatable {
    /// Bytes of the body that were there with it.
    package var end: Int
    /// Counted from the call's start.
    package var after: Duration

    package init(end: Int, after: Duration) {
        self.end = end
        self.after = after
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
