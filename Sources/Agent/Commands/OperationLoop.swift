import FoundationEssentials
import Logging
import PlimsollWire
import ServiceLifecycle

/// Carries operations out: journal first, then the effect, then the report.
package actor OperationLoop: Service {
    private let host: HostStatus
    private let relay: AgentRelay
    private let identity: IdentityKeeper
    private let logger: Logger
    private let journal: OperationJournal
    private var ledger: OperationLedger
    private var backoff = Backoff(minimum: .milliseconds(500), maximum: .seconds(15))
    private var nextReport = ContinuousClock.now
    /// Rung when there is something to do.
    private let wake = Wake()
    /// Rung when the host's state may have changed.
    private let changed: Wake

    init(
        state: StateDirectory, host: HostStatus, relay: AgentRelay, identity: IdentityKeeper, changed: Wake, logger: Logger
    ) throws(AgentError) {
        self.host = host
        self.relay = relay
        self.identity = identity
        self.changed = changed
        self.logger = logger
        let journal = try OperationJournal(path: state.journal)
        ledger = OperationLedger(journal: journal.entries)
        self.journal = journal
        if let standing = ledger.standing { host.obey(standing) }
    }

    /// Takes over what a desired state lists.
    func receive(_ operations: [PlimsollWire.Operation]) {
        perform(ledger.receive(operations, now: Date()))
        wake.ring()
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.turn()
                await self.wake.pause(atMost: self.pause)
            }
        }
    }

    private var pause: Duration {
        if ledger.isDraining || ledger.isRestarting { return .milliseconds(250) }
        return ledger.unreported.isEmpty ? .seconds(60) : max(.milliseconds(10), nextReport - .now)
    }

    private func turn() async {
        perform(ledger.tick(openRequests: host.openRequests, now: Date()))
        if ledger.isRestarting { perform(ledger.tick(runtimes: host.standings, now: Date())) }
        guard !ledger.unreported.isEmpty, ContinuousClock.now >= nextReport else { return }
        let results = ledger.unreported
        do throws(AgentError) {
            try await identity.report(OperationResults(results: results))
            ledger.reported(Set(results.map(\.id)))
            backoff.reset()
        } catch {
            nextReport = .now + backoff.next()
            logger.warning("operation results wait", metadata: ["error.reason": "\(error.message)"])
        }
    }

    private func perform(_ steps: [OperationLedger.Step]) {
        for step in steps {
            switch step {
            case .record(let entry): record(entry)
            case .obey(let kind):
                host.obey(kind)
                changed.ring()
            case .cutOpenRequests: _ = relay.cutOpenRequests()
            case .rest(let runtime, let isResting): host.runtime(runtime)?.rest(isResting)
            case .restart(let runtime, let replaced): host.runtime(runtime)?.order(replacing: replaced)
            }
        }
    }

    private func record(_ entry: OperationJournal.Entry) {
        do throws(AgentError) {
            try journal.record(entry)
            logger.info(
                "operation",
                metadata: ["operation.id": "\(entry.id)", "operation.kind": "\(entry.kind.rawValue)", "operation.state": "\(entry.state.rawValue)"])
        } catch {
            // All of them may happen twice without harm; a full disk must not keep a host from draining.
            logger.error("operation cannot be journaled", metadata: ["operation.id": "\(entry.id)", "error.reason": "\(error.message)"])
        }
    }
}
