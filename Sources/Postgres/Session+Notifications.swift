import CLibpq

extension Session {
    /// Empty when the time is over without one.
    func notifications(within time: Duration) throws(PostgresError) -> [(channel: String, payload: String)] {
        begin()
        let limit = ContinuousClock.now + time
        while true {
            let arrived = pending()
            if !arrived.isEmpty { return arrived }
            switch poll(forWriting: false, until: limit) {
            case .readable:
                guard PQconsumeInput(handle) == 1, isOpen else { throw .lost }
            case .woken:
                throw PostgresError(.cancelled, "the caller gave up")
            case .writable:
                continue
            case .late:
                return []
            }
        }
    }

    private func pending() -> [(channel: String, payload: String)] {
        var arrived: [(channel: String, payload: String)] = []
        while let notification = PQnotifies(handle) {
            let fields = notification.pointee
            arrived.append((String(cString: fields.relname), String(cString: fields.extra)))
            PQfreemem(notification)
        }
        return arrived
    }
}
