import Glibc
import PlimsollWire
import Synchronization

/// What one look at the accelerators gave.
struct AcceleratorReading: Sendable, Equatable {
    var accelerators: [Inventory.Accelerator] = []
    var driverVersion: String?
    var cudaVersion: String?
    var fault: String?
}

/// Reads the accelerators on a thread of its own, because the driver's calls can hang for ever on a sick device.
///
/// A hang is a finding: it is reported as a fault beside what was known before, and no second thread is sent after the first until that one
/// came back.
final class AcceleratorReader: Sendable {
    private struct Known {
        var isBusy = false
        var last: AcceleratorReading?
    }

    private let library: String
    private let deadline: Duration
    private let known = Mutex(Known())

    init(library: String?, deadline: Duration) {
        self.library = library ?? AcceleratorLibrary.defaultName
        self.deadline = deadline
    }

    func read() async -> AcceleratorReading {
        let isFree = known.withLock { known in
            defer { known.isBusy = true }
            return !known.isBusy
        }
        guard isFree else { return stale }
        let answer = SingleAnswer<AcceleratorReading>()
        return await withTaskGroup(of: AcceleratorReading?.self) { group in
            group.addTask { await answer.wait() }
            group.addTask { [deadline] in
                try? await Task.sleep(for: deadline)
                return nil
            }
            startThread(answer)
            let first = await group.next() ?? nil
            group.cancelAll()
            return first ?? stale
        }
    }

    /// The devices that were there before the driver fell silent, less what would have moved since.
    private var stale: AcceleratorReading {
        guard var reading = known.withLock({ $0.last }) else { return AcceleratorReading(fault: "the accelerator driver does not answer") }
        for index in reading.accelerators.indices {
            reading.accelerators[index].memoryUsedBytes = nil
            reading.accelerators[index].utilization = nil
            reading.accelerators[index].temperatureCelsius = nil
        }
        reading.fault = "the accelerator driver does not answer any more; its devices are shown as they were"
        return reading
    }

    private func startThread(_ answer: SingleAnswer<AcceleratorReading>) {
        let work = ThreadWork { [library, self] in
            let reading = AcceleratorLibrary(path: library)?.read() ?? AcceleratorReading()
            known.withLock { $0 = Known(last: reading) }
            answer.give(reading)
        }
        guard !work.start() else { return }
        known.withLock { $0.isBusy = false }
        answer.give(AcceleratorReading(fault: "no thread could be started to read accelerators"))
    }
}
