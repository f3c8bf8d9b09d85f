import CReactor
import Glibc
package import NIOCore

/// The plain sockets of one event loop of NIO: they wait where the loop waits, and are read, written and told of without channels, pipelines and
/// futures, which cost more than the system calls. Everything here must be used on that loop.
package final class Reactor {
    package let eventLoop: any EventLoop
    /// What one read takes at the most, for all sockets: none keeps memory while it waits.
    let incoming = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 64)
    private let epoll: Int32
    /// Closed since events were last told of: some of those may be theirs.
    private var retired: [PolledDescriptor] = []

    private init(_ eventLoop: any EventLoop, epoll: Int32) {
        self.eventLoop = eventLoop
        self.epoll = epoll
    }

    /// The time of the loop's present turn: one reading of the clock serves all that happens in it. From any thread; off the loops it is now.
    package static var now: NIODeadline { .uptimeNanoseconds(creactor_time()) }

    deinit { incoming.deallocate() }

    /// The reactor of the loop that this is called on, which must be one of NIO's own for sockets.
    package static func on(_ eventLoop: any EventLoop) -> Reactor {
        eventLoop.preconditionInEventLoop()
        if let known = creactor_context() { return Unmanaged<Reactor>.fromOpaque(known).takeUnretainedValue() }
        let reactor = Reactor(eventLoop, epoll: creactor_epoll())
        let attached = creactor_attach(
            Unmanaged.passRetained(reactor).toOpaque(),
            { context, events, count in
                guard let context, let events else { return }
                Unmanaged<Reactor>.fromOpaque(context).takeUnretainedValue().tell(UnsafeBufferPointer(start: events, count: Int(count)))
            },
            { context in
                if let context { Unmanaged<Reactor>.fromOpaque(context).release() }
            })
        precondition(attached == 0, "this loop does not wait by epoll")
        return reactor
    }

    /// How long the loop stays awake, at the most, for the answer to what it has just asked, as long as that pays: once fewer than half of the answers
    /// come within it the loop sleeps at once. 0: never.
    package func setBusyPoll(microseconds: Int) {
        creactor_busy_poll(UInt64(microseconds) * 1000)
    }

    /// Something was asked in this turn whose answer may come at once. Returns when, for `answerCame`.
    package static func expectAnswer() -> UInt64 { creactor_expect_answer() }

    /// The first bytes of the answer are there: whether staying awake pays is seen by how long it took.
    package static func answerCame(askedAt moment: UInt64) { creactor_answer_came(moment) }

    /// Whether this thread's loop stays awake for the next answer.
    package static var staysAwake: Bool { creactor_stays_awake() != 0 }

    private func tell(_ events: UnsafeBufferPointer<epoll_event>) {
        for event in events {
            guard let address = EventData.address(event.data.u64) else { continue }
            Unmanaged<PolledDescriptor>.fromOpaque(address)._withUnsafeGuaranteedRef { if $0.isOpen { $0.ready(Readiness(rawValue: event.events)) } }
        }
        retired.removeAll(keepingCapacity: true)
    }

    // MARK: From descriptors

    /// False with `errno`: the system has no room for it.
    func add(_ polled: PolledDescriptor, _ wanted: Readiness) -> Bool {
        control(EPOLL_CTL_ADD, polled, wanted)
    }

    func change(_ polled: PolledDescriptor, _ wanted: Readiness) {
        _ = control(EPOLL_CTL_MOD, polled, wanted)
    }

    func remove(_ polled: PolledDescriptor) {
        _ = control(EPOLL_CTL_DEL, polled, [])
    }

    /// Its memory is kept until no event can be its own any more: a loop without events would keep it for as long as it has none.
    func retire(_ polled: PolledDescriptor) {
        if retired.isEmpty { creactor_call_before_wait() }
        retired.append(polled)
    }

    private func control(_ operation: Int32, _ polled: PolledDescriptor, _ wanted: Readiness) -> Bool {
        var event = epoll_event()
        event.events = wanted.rawValue
        event.data.u64 = EventData.make(Unmanaged.passUnretained(polled).toOpaque())
        return epoll_ctl(epoll, operation, polled.descriptor, &event) == 0
    }
}

/// An object's address, as 64 bits of which bit 31 tells that they are ours. Objects lie at multiples of 16.
private enum EventData {
    private static let mark: UInt64 = 1 << 31

    static func make(_ address: UnsafeRawPointer) -> UInt64 {
        let number = UInt64(UInt(bitPattern: address)) >> 4
        return number & (mark - 1) | mark | (number >> 31) << 32
    }

    static func address(_ data: UInt64) -> UnsafeRawPointer? {
        UnsafeRawPointer(bitPattern: UInt((data & (mark - 1) | (data >> 32) << 31) << 4))
    }
}

/// What `epoll_wait` tells of a descriptor. Errors and the end of both halves are told whether they are wanted or not.
struct Readiness: OptionSet {
    let rawValue: UInt32
    static let input = Readiness(rawValue: 0x1)
    static let output = Readiness(rawValue: 0x4)
    static let error = Readiness(rawValue: 0x8)
    static let hangUp = Readiness(rawValue: 0x10)
}
