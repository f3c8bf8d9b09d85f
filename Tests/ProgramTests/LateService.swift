import ServiceLifecycle

/// Fails or, when it is late, needs this long to end after it was cancelled, whatever is asked of it.
struct LateService: Service {
    struct Failure: Error {}

    let needs: Duration?

    func run() async throws {
        guard let needs else { throw Failure() }
        // Ends at cancellation.
        try? await Task.sleep(for: .seconds(60))
        // Waited for here; nobody cancels it.
        await Task { try? await Task.sleep(for: needs) }.value
    }
}
