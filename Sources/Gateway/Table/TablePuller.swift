package import Domain
package import Logging
package import PlimsollWire
import ServiceLifecycle

/// Answer of the control plane to a long-poll.
package enum TableAnswer: Sendable {
    /// Nothing newer came while it waited.
    case unchanged
    case table(SignedTable)
}

/// Asks the control plane for newer tables for as long as the gateway lives.
package struct TablePuller: Service {
    /// Asks for what came after a version, waiting up to so many seconds. Nil: for the whole table, at once.
    package typealias Fetch = @Sendable (_ since: Int64?, _ waitSeconds: Int) async throws -> TableAnswer

    private let store: TableStore
    private let contact: ControlContact?
    private let fetch: Fetch
    private let logger: Logger
    private let waitSeconds: Int
    private let backoff: Backoff

    /// - Parameter contact: Told each time that what is in force is what the control plane says.
    package init(
        store: TableStore, contact: ControlContact? = nil, logger: Logger, waitSeconds: Int = 25,
        backoff: Backoff = Backoff(first: .milliseconds(250), cap: .seconds(10)), fetch: @escaping Fetch
    ) {
        self.store = store
        self.contact = contact
        self.logger = logger
        self.waitSeconds = waitSeconds
        self.backoff = backoff
        self.fetch = fetch
    }

    package func run() async throws {
        await LongPoll(backoff: backoff).run(pull)
    }

    /// One question and what follows from it. False: pause before the next.
    private func pull() async -> Bool {
        let version = store.version
        do {
            // A fleet that is held back is confirmed by the answer that nothing changed: asked for no later than it counts.
            let wait = store.confirmationDue(now: Self.now).map { min(waitSeconds, Int($0) + 1) } ?? waitSeconds
            guard case .table(let table) = try await fetch(version == 0 ? nil : version, wait) else { return await confirm() }
            return await take(table, mayAskAgain: version != 0)
        } catch {
            guard !Task.isCancelled else { return false }
            logger.warning("routing table not pulled", metadata: ["error": "\(MeterError.describe(error))", "table.version": "\(version)"])
            return false
        }
    }

    private func confirm() async -> Bool {
        contact?.note()
        guard store.confirmationDue(now: Self.now) != nil else { return true }
        do {
            let (store, now) = (store, Self.now)
            if case .whole = try await BlockingCalls.run({ try store.confirm(now: now) }) {
                logger.warning("smaller fleet of the routing table confirmed", metadata: ["table.version": "\(store.version)"])
            }
        } catch {
            logger.error("routing table not kept on disk", metadata: ["error": "\(MeterError.describe(error))"])
        }
        return true
    }

    /// After a refused change the whole table is asked for once: the change may be to a version that we never had.
    private func take(_ table: SignedTable, mayAskAgain: Bool) async -> Bool {
        do {
            let (store, now, isFirst) = (store, Self.now, store.current == nil)
            let adoption = try await BlockingCalls.run { try store.apply(table, now: now) }
            contact?.note()
            log(adoption, table.version, isFirst: isFirst)
            return true
        } catch let refusal as TableRefusal {
            logger.error("routing table refused", metadata: ["error": "\(refusal)", "table.version": "\(table.version)"])
            guard mayAskAgain, table.since != nil else { return false }
            return await takeWhole()
        } catch {
            contact?.note()
            logger.error("routing table not kept on disk", metadata: ["error": "\(MeterError.describe(error))"])
            return true
        }
    }

    private func log(_ adoption: TableAdoption, _ version: Int64, isFirst: Bool) {
        switch adoption {
        case .fleetHeld(let reason):
            logger.warning("fleet of the routing table held back", metadata: ["error": "\(reason)", "table.version": "\(version)"])
        case .whole where isFirst && store.current?.workers.isEmpty == true:
            logger.info("routing table in force names no worker yet", metadata: ["table.version": "\(version)"])
        case .whole: logger.debug("routing table in force", metadata: ["table.version": "\(version)"])
        }
    }

    private func takeWhole() async -> Bool {
        do {
            guard case .table(let whole) = try await fetch(nil, 0) else { return false }
            return await take(whole, mayAskAgain: false)
        } catch {
            logger.warning("whole routing table not pulled", metadata: ["error": "\(MeterError.describe(error))"])
            return false
        }
    }

    /// Seconds of the monotonic clock, so that no jump of the wall clock confirms a shrunken table.
    private static var now: Int64 {
        let elapsed = ContinuousClock.now - start
        return elapsed.components.seconds
    }

    private static let start = ContinuousClock.now
}
