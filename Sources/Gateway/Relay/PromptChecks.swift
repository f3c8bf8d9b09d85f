import Domain
import HTTPWire
import NIOCore
package import NIOPosix
import PlimsollWire
import Synchronization

/// What is to be looked for in a customer's prompts.
struct PromptChecks: Sendable {
    let tenant: String
    let masking: Masking?
    let rules: CustomerRules?

    init(tenant: String, masking: Masking?, rules: CustomerRules?) {
        self.tenant = tenant
        self.masking = masking
        self.rules = rules
    }

    init(_ key: CustomerKey) {
        self.init(tenant: key.tenant.id, masking: key.masking, rules: key.contentRules)
    }
}

/// Threads that read large bodies, and what they look for secrets and hold text against rules with: what one learns of a text makes the next one faster, so
/// they are kept. Event loops have their own and only come here when the rules change.
package final class ReaderDesks: Sendable {
    private struct State {
        var desks: [RuleDesk] = []
        var scanners: [SensitiveScope: [SensitiveScanner]] = [:]
    }

    let threads: NIOThreadPool
    private let state = Mutex(State())

    package init(threads: NIOThreadPool = .singleton) {
        self.threads = threads
    }

    /// Forgets the scanners of sets that are no longer in force.
    func keep(only sets: [RuleSet]) {
        state.withLock { state in
            for index in state.desks.indices { state.desks[index].keep(only: sets) }
        }
    }

    /// What rules say of a body, and what of it they met.
    func judge(_ body: ByteBuffer, without removed: [Range<Int>], _ rules: CustomerRules, tenant: String) -> RuleDesk.Judgement {
        var desk = state.withLock { $0.desks.popLast() } ?? RuleDesk()
        let verdict = body.withUnsafeReadableBytes { desk.judge($0, without: removed, rules.sets, tenant: tenant) }
        let judgement = RuleDesk.Judgement(verdict: verdict, hits: desk.takeHits())
        state.withLock { $0.desks.append(desk) }
        return judgement
    }

    func mask(_ masking: Masking, _ body: inout ByteBuffer, _ scan: RequestScan) -> PromptMask? {
        var scanner = state.withLock { $0.scanners[masking.scope]?.popLast() } ?? SensitiveScanner(masking.scope)
        let mask = PromptMask.apply(masking, to: &body, scan, &scanner)
        state.withLock { $0.scanners[masking.scope, default: []].append(scanner) }
        return mask
    }
}
