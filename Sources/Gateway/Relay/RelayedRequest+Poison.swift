import Domain
import NIOCore
import OpenAIWire
import PlimsollWire
import Reactor
import Telemetry

/// A request that runtimes die of, or have no memory for, is not tried on all of them: two are enough. Unless many hosts are lost, of which it is not the
/// cause.
extension RelayedRequest {
    private static let mostRuntimeDeaths = 1
    /// Hosts that are lost together are not noticed at once.
    private static let newsTime = TimeAmount.milliseconds(250)

    /// Of so many bytes at its beginning and at its end a request is known again.
    private static let knownBytes = 16 * 1024

    /// By what copies of it are known, which its tenant may ask in the same moment: what they bring down is not the loss of many.
    private var content: Int? {
        guard let plan else { return nil }
        var hasher = Hasher()
        hasher.combine(key.tenant.id)
        hasher.combine(plan.rest.readableBytes)
        plan.rest.withUnsafeReadableBytes { bytes in
            hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes.prefix(Self.knownBytes)))
            hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes.suffix(Self.knownBytes)))
        }
        return hasher.finalize()
    }

    private func isLossOfMany(_ attempt: Attempt, _ content: Int?) -> Bool {
        let worker = attempt.worker.entry
        return loop.outages.isLossOfMany(
            worker.model, host: worker.host, own: hosts(with: attempt.worker), content: content, began: attempt.began.microseconds,
            now: Reactor.now.microseconds)
    }

    /// Notes that the worker was lost, and whether that is the request's doing. To be asked before the attempt is over.
    ///
    /// - Parameter runtimeDied: The runtime, not its host.
    func isSecondDeath(_ attempt: Attempt, runtimeDied: Bool) -> Bool {
        let content = runtimeDied ? self.content : nil
        let isSuspect = runtimeDied && !isLossOfMany(attempt, content)
        let worker = attempt.worker.entry
        loop.outages.noteLoss(worker.model, host: worker.host, content: content, now: Reactor.now.microseconds)
        return isSuspect && isSecondDeath()
    }

    /// Counts the death of a runtime that seems to be the request's doing.
    func isSecondDeath() -> Bool {
        runtimeDeaths += 1
        return runtimeDeaths > RelayedRequest.mostRuntimeDeaths
    }

    /// Judges the request as soon as it must be known which other hosts went at the same time. Another attempt beside this one goes on meanwhile: if it brings
    /// a token, the request is not what runtimes die of.
    func judgeDeaths(_ attempt: Attempt) {
        let isStreaming = if case .streaming = phase { true } else { false }
        if isStreaming { attempt.end(.broken) } else { attempt.fail() }
        // The death of the one beside it is being judged, and this one with it.
        if case .held = phase, leavesItToOther(attempt) { return }
        phase = .held
        let bound = NIOLoopBound((self, attempt), eventLoop: loop.eventLoop)
        _ = loop.eventLoop.scheduleTask(in: Self.newsTime) { bound.value.0.judge(bound.value.1, isStreaming: isStreaming) }
    }

    /// - Parameter isStreaming: The client has tokens of the answer.
    private func judge(_ failed: Attempt, isStreaming: Bool) {
        // Else another attempt has been answered meanwhile, whatever became of that one since.
        guard case .held = phase, failed === attempt || failed === hedge else { return }
        phase = isStreaming ? .streaming : .waiting
        let (model, own) = (failed.worker.entry.model, hosts(with: failed.worker))
        if loop.outages.areManyLost(model, besides: own, content: content, now: Reactor.now.microseconds) {
            return lost(failed, beforeRuntime: false, isFailure: true)
        }
        loop.outages.explainLosses(model, of: own)
        stopAsPoison(failed)
    }

    func stopAsPoison(_ attempt: Attempt) {
        attempt.fail()
        // A hedge beside it would run on, unwatched.
        cancelAttempts()
        loop.metrics.poisonRequests.increment()
        finish(.failed(APIError(.runtimeLost)))
    }

    /// Those that it was tried at.
    private func hosts(with last: Worker) -> [String] { (question?.triedHosts ?? []) + [last.entry.host] }
}
