import CEpoll
import Glibc

/// Tells which sockets can be read or written, level-triggered. Not NIO: what stands around the measured program must cost close to nothing,
/// or it is never saturated and the comparison measures how well each target sleeps.
final class Poller {
    struct Event {
        let descriptor: Int
        let canRead: Bool
        let canWrite: Bool
    }

    private let descriptor: Int32
    // The kernel writes here; an array would be checked for uniqueness and copied on the way.
    private let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: 512)

    init() throws(SystemFault) {
        descriptor = try SystemFault.check(epoll_create1(Int32(EPOLL_CLOEXEC)), "epoll_create1")
    }

    deinit {
        close(descriptor)
        events.deallocate()
    }

    func add(_ socket: Socket) {
        control(EPOLL_CTL_ADD, socket, EPOLLIN.rawValue)
    }

    /// Whether to tell also when the socket can be written.
    func watch(_ socket: Socket, forWriting: Bool) {
        control(EPOLL_CTL_MOD, socket, forWriting ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue)
    }

    /// How many events there are, as soon as there is one, none when the time has come.
    func wait(until end: Moment) -> Int {
        let left = max(0, end - .now)
        var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
        return Int(max(0, epoll_pwait2(descriptor, events.baseAddress, Int32(events.count), &time, nil)))
    }

    /// One of those that the last wait counted.
    subscript(index: Int) -> Event {
        let event = events[index]
        let ends = EPOLLHUP.rawValue | EPOLLERR.rawValue
        return Event(
            descriptor: Int(event.data.fd), canRead: event.events & (EPOLLIN.rawValue | ends) != 0, canWrite: event.events & EPOLLOUT.rawValue != 0)
    }

    private func control(_ operation: Int32, _ socket: Socket, _ interest: UInt32) {
        var event = epoll_event(events: interest, data: epoll_data(fd: socket.descriptor))
        guard epoll_ctl(descriptor, operation, socket.descriptor, &event) == 0 else {
            preconditionFailure(SystemFault("epoll_ctl").description)
        }
    }
}
