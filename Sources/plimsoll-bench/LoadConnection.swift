/// One customer: what it asked, and how far its answer has come.
final class LoadConnection {
    var outlet: Outlet
    private let number: Int
    private var inlet = Inlet()
    private var reader: AnswerReader
    private var turn = 0
    private var began = Moment.now
    private var lastToken: Moment?

    init(_ socket: Socket, number: Int, tokens: Int?) {
        outlet = Outlet(socket)
        self.number = number
        reader = AnswerReader(tokens: tokens)
    }

    /// False: the connection is gone.
    ///
    /// - Parameter due: When it should have been asked; latencies count from there.
    func ask(_ requests: [[UInt8]], due: Moment = .now, _ poller: Poller) -> Bool {
        reader.begin()
        lastToken = nil
        began = due
        turn += 1
        return outlet.send(requests[(number + turn) % requests.count], poller)
    }

    /// Whether these bytes complete the answer.
    func read(_ bytes: UnsafeRawBufferPointer, _ tally: inout LoadTally) -> Bool {
        let now = Moment.now
        let before = reader.tokens
        inlet.pass(bytes, to: &reader)
        for _ in before..<reader.tokens { token(now, &tally) }
        guard reader.isComplete else { return false }
        tally.completed += 1
        if !reader.isRight { tally.wrong += 1 }
        tally.latency.add(nanoseconds: now - began)
        return true
    }

    private func token(_ now: Moment, _ tally: inout LoadTally) {
        if let lastToken { tally.gap.add(nanoseconds: now - lastToken) } else { tally.firstToken.add(nanoseconds: now - began) }
        lastToken = now
    }
}
