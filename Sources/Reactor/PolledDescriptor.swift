import Glibc

/// A descriptor that the reactor waits for, as long as it is open.
package class PolledDescriptor {
    package let reactor: Reactor
    /// -1 once it is closed or given away.
    private(set) var descriptor: Int32
    /// Nil: not waited for at all.
    private var wanted: Readiness?
    /// The system knows it by its address: nothing but closing lets it go.
    private var anchor: PolledDescriptor?

    init(_ descriptor: Int32, reactor: Reactor) {
        self.descriptor = descriptor
        self.reactor = reactor
        anchor = self
    }

    package final var isOpen: Bool { descriptor >= 0 }

    /// Something of what is wanted has come, or what nobody has to ask for.
    func ready(_ events: Readiness) {}

    /// False: the system has no room; the descriptor is not waited for.
    @discardableResult
    final func want(_ events: Readiness?) -> Bool {
        guard events != wanted else { return true }
        defer { wanted = events }
        guard let events else {
            reactor.remove(self)
            return true
        }
        if wanted != nil {
            reactor.change(self, events)
            return true
        }
        return reactor.add(self, events)
    }

    final func closeDescriptor() {
        let descriptor = take()
        if descriptor >= 0 { Glibc.close(descriptor) }
    }

    /// Gives the descriptor away, open.
    final func take() -> Int32 {
        guard isOpen else { return -1 }
        if wanted != nil { want(nil) }
        reactor.retire(self)
        anchor = nil
        defer { descriptor = -1 }
        return descriptor
    }
}
