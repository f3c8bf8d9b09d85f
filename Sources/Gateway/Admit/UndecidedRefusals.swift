import Domain
import Synchronization

/// Requests of one loop that its gateway's part of the limits of a minute refused, until it is known whether other gateways had left the rest. What is lent
/// soon after was free when they were refused: then the customer was inside what was agreed, and the failure is ours. So it is, within what was agreed, where
/// the control plane did not answer and nobody could tell.
struct UndecidedRefusals {
    /// Time in which others are asked, promise to use less, and what that leaves is lent.
    private static let time: Int64 = 8_000_000
    private static let most = 10_000

    private struct Entry {
        var holder: LimitHolder
        var subject: UsageSubject
        var kind: LimitFault.Kind
        var tokens: Int
        var acceptedAt: Int64
        var since: Int64
    }

    private var entries: [Entry] = []

    /// False: as many as may be are undecided.
    ///
    /// - Parameters:
    ///   - acceptedAt: Microseconds since 1970.
    ///   - now: Microseconds of the monotonic clock.
    mutating func add(_ holder: LimitHolder, _ subject: UsageSubject, _ kind: LimitFault.Kind, tokens: Int, acceptedAt: Int64, now: Int64) -> Bool {
        guard entries.count < Self.most else { return false }
        entries.append(Entry(holder: holder, subject: subject, kind: kind, tokens: tokens, acceptedAt: acceptedAt, since: now))
        return true
    }

    /// - Parameters:
    ///   - answeredAt: See `LeaseKeeper`.
    ///   - count: Told what a request counts as when that is known.
    mutating func decide(now: Int64, answeredAt: Int64, _ count: (UsageSubject, Outcome, Int64) -> Void) {
        guard !entries.isEmpty else { return }
        entries.removeAll { entry in
            let isOurs = entry.holder.share.withLock { share in
                share.covers(entry.kind, tokens: entry.tokens, since: entry.since)
                    ?? (now - entry.since < Self.time ? nil : Self.isOurs(entry, &share, answeredAt: answeredAt))
            }
            guard let isOurs else { return false }
            count(entry.subject, isOurs ? .throttled : .quota, entry.acceptedAt)
            return true
        }
    }

    /// Of one for which nothing has been lent.
    private static func isOurs(_ entry: Entry, _ share: inout MinuteShare, answeredAt: Int64) -> Bool {
        guard answeredAt < entry.since else {
            share.noteUsed(at: entry.since)
            return false
        }
        return share.mayCover(entry.kind, tokens: entry.tokens, since: entry.since, answeredAt: answeredAt)
    }
}
