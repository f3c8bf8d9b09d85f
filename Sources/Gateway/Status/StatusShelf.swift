import Cryptography
package import FoundationEssentials
package import PlimsollWire
import NIOCore
import Synchronization

/// The status page as it was pulled last: in memory for customers, on disk for the next start. It is served as long as it has to be; without
/// news for five minutes, nothing in it is told as running.
package final class StatusShelf: Sendable {
    private static let sizeLimit = 64 << 20

    /// A document as it goes out.
    struct Leaf: Sendable {
        let head: [UInt8]
        let tag: String
        let body: ByteBuffer

        init(contentType: String, body: String) {
            tag = StatusAnswer.tag(body)
            let fields = StatusAnswer.fields(contentType: contentType, tag: tag).map { "\r\n\($0): \($1)" }.joined()
            head = Array(fields.utf8)
            self.body = ByteBuffer(string: body)
        }
    }

    fileprivate struct Leaves: Sendable {
        let live: Leaf
        let stale: Leaf?
    }

    fileprivate struct State {
        var version: Int64?
        var leaves: [String: Leaves] = [:]
        /// When the snapshot was made, by this machine's monotonic clock.
        var made = ContinuousClock.now
    }

    private let path: String
    private let state = Mutex(State())

    /// - Parameter directory: Where it is kept.
    package init(directory: String) {
        path = "\(directory)/status.json"
    }

    /// Nil before the first.
    package var version: Int64? { state.withLock { $0.version } }
    /// Nil before the first.
    package var ageSeconds: Int64? { state.withLock { state in state.version == nil ? nil : state.age } }

    /// Puts the kept page up, if there is one. Blocks on the disk.
    package func load(now: Date = Date()) throws {
        guard SecretFile.exists(path) else { return }
        let publication = try WireCoder.decode(StatusPublication.self, from: SecretFile.read(path, limit: Self.sizeLimit))
        // A clock that went back does not make it news.
        let age = now.timeIntervalSince(publication.generatedAt)
        show(publication, ageSeconds: age < 0 ? StatusPublication.freshSeconds : Int64(min(age, 1e9)))
    }

    /// Puts it up and keeps it. Blocks on the disk.
    ///
    /// - Parameter ageSeconds: As the control plane tells it, whose clock made the page.
    package func take(_ publication: StatusPublication, ageSeconds: Int64) throws {
        show(publication, ageSeconds: ageSeconds)
        try SecretFile.write(try WireCoder.encode(publication), to: path)
    }

    private func show(_ publication: StatusPublication, ageSeconds: Int64) {
        var leaves: [String: Leaves] = [:]
        for document in publication.documents {
            let live = Leaf(contentType: document.contentType, body: document.live)
            leaves[document.path] = Leaves(live: live, stale: document.stale.map { Leaf(contentType: document.contentType, body: $0) })
        }
        let made = ContinuousClock.now - .seconds(max(ageSeconds, 0))
        state.withLock { $0 = State(version: publication.version, leaves: leaves, made: made) }
    }

    /// - Parameter path: Without a query.
    func leaf(_ path: String, now: ContinuousClock.Instant = .now) -> (leaf: Leaf, ageSeconds: Int64)? {
        state.withLock { state -> (leaf: Leaf, ageSeconds: Int64)? in
            guard let leaves = state.leaves[path] else { return nil }
            let age = state.age(now)
            return (age >= StatusPublication.freshSeconds ? leaves.stale ?? leaves.live : leaves.live, age)
        }
    }
}

extension StatusShelf.State {
    fileprivate var age: Int64 { age(.now) }

    fileprivate func age(_ now: ContinuousClock.Instant) -> Int64 { max(0, (now - made).components.seconds) }
}
