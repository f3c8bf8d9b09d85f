import Glibc

/// A descriptor that becomes readable when a waiting thread should look up.
final class WakeUp: Sendable {
    let descriptor: Int32
    private let entrance: Int32

    init() throws(PostgresError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw PostgresError(.connectionFailed, "no descriptor is free") }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        (descriptor, entrance) = (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(entrance)
    }

    func signal() {
        var mark: UInt8 = 1
        // Fails only when the pipe is full, and then it is readable already.
        _ = write(entrance, &mark, 1)
    }

    func clear() {
        var marks: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
        while read(descriptor, &marks, marks.count) > 0 {}
    }
}
