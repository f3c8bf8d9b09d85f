/// One connection of the upstream.
final class UpstreamConnection {
    /// A stream that is under way.
    struct Stream {
        let number: Int
        let wantsUsage: Bool
        let answers: UpstreamAnswers
        /// Milliseconds.
        let gap: Double
        var step = 0
    }

    var outlet: Outlet
    let answers: UpstreamAnswers
    var stream: Stream?
    private var inlet = Inlet()
    private var reader = RequestReader()

    init(_ socket: Socket, answers: UpstreamAnswers) {
        outlet = Outlet(socket)
        self.answers = answers
    }

    /// The request that these bytes complete.
    func read(_ bytes: UnsafeRawBufferPointer) -> RequestReader.Request? {
        inlet.pass(bytes, to: &reader)
        return reader.next()
    }

    /// The bytes of the stream's next step; nil and no stream when there is none.
    func nextStep() -> [UInt8]? {
        guard let current = stream else { return nil }
        guard current.step == current.answers.steps.count - 1 else {
            stream?.step += 1
            return current.answers.steps[current.step]
        }
        stream = nil
        return current.wantsUsage ? current.answers.lastWithUsage : current.answers.steps[current.step]
    }
}
