import HTTPWire

/// Begins a drill, now or when what stands in its way is gone.
struct DrillStart: Sendable {
    let client: AdminClient
    /// What is asked for.
    let wish: JSONValue
    /// It stands in line in place of failing.
    let waits: Bool

    private static let patience = Duration.seconds(1_800)
    private static let pause = Duration.seconds(2)
    /// Codes of refusals that end by themselves.
    private static let passing: Set = ["drill_running", "not_settled"]

    /// The drill as the server began it.
    func begin() async throws -> JSONValue {
        let clock = ContinuousClock()
        let end = clock.now + Self.patience
        var progress: ProgressLine?
        while true {
            do throws(CommandFailure) {
                let drill = try await ask()
                progress?.end("it begins")
                return drill
            } catch {
                guard Self.passing.contains(error.refusal ?? "") else { throw error }
                guard waits else { throw CommandFailure(.refused, "\(error.message); --wait waits for that", refusal: error.refusal) }
                guard clock.now < end else { throw CommandFailure(.refused, "waited in vain: \(error.message)", refusal: error.refusal) }
                let line = progress ?? ProgressLine("waiting")
                progress = line
                line.show(error.message)
            }
            do {
                try await Task.sleep(for: Self.pause)
            } catch {
                throw CommandFailure(.refused, "interrupted; no drill was begun", cause: error)
            }
        }
    }

    /// An interruption must not leave it open whether one was begun: who asked waits for the answer, and whoever follows the drill sees it then.
    private func ask() async throws(CommandFailure) -> JSONValue {
        try await Task { [client, wish] () async -> Result<JSONValue, CommandFailure> in
            do throws(CommandFailure) {
                return .success(try await client.change("POST", "drills", wish))
            } catch {
                return .failure(error)
            }
        }.value.get()
    }
}
