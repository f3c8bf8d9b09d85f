import CPlatform
import Domain
import Glibc
import Synchronization
import Telemetry

/// Counters of tenants and keys as words of a mapped file: event loops count in them without a lock or a call, and whatever ends this process, the
/// next one finds them as they were. `sync` brings them to the disk, so that a power cut costs what was counted since the last call.
///
/// The first record is the file's own; each further one belongs to a holder. The file grows in blocks, and the disk gives the space before a word
/// of it is touched.
package final class LimitFile: Sendable {
    static let recordWords = 64
    private static let recordBytes = recordWords * 8
    private static let blockRecords = 128
    private static let mostRecords = 1 << 21
    private static let nameWords = 8
    private static let magic: Int64 = 0x504C_494D_4C4D_5431

    /// Words of the first record.
    private enum Head: Int {
        case magic = 0
        case recordBytes = 1
        /// Of the machine's start, against which monotonic instants in the file are meant.
        case machine = 2
        case steadyTime = 3
        case day = 4
        case month = 5
    }

    private struct Book: Sendable {
        var records = 1
        var capacity = 0
        var places: [String: Int] = [:]
        var free: [Int] = []
    }

    private let words: LimitWords
    private let descriptor: Int32
    private let path: String?
    private let book = Mutex(Book())

    /// Words that no file keeps, for tests.
    package convenience init() throws(MeterError) { try self.init(descriptor: -1, path: nil) }

    /// - Parameter path: Made when it is missing; what cannot be read as such a file is put aside as `PATH.damaged`.
    package convenience init(path: String) throws(MeterError) {
        let descriptor = cplatform_open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw MeterError(.file, "cannot open \(path): \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw MeterError(.file, "\(path) is held by another gateway")
        }
        try self.init(descriptor: descriptor, path: path)
    }

    private init(descriptor: Int32, path: String?) throws(MeterError) {
        self.descriptor = descriptor
        self.path = path
        let size = Self.mostRecords * Self.recordBytes
        let flags = descriptor < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED | MAP_NORESERVE
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, flags, descriptor, 0), memory != MAP_FAILED else {
            if descriptor >= 0 { close(descriptor) }
            throw MeterError(.file, "cannot map \(path ?? "memory"): \(String(cString: strerror(errno)))")
        }
        words = LimitWords(memory, count: size / 8)
        try load()
    }

    deinit {
        munmap(words.memory, Self.mostRecords * Self.recordBytes)
        if descriptor >= 0 { close(descriptor) }
    }

    // MARK: What all holders share

    /// Numbers of the windows that are counted in now.
    func number(_ period: QuotaPeriod) -> Int64 { head(period == .day ? .day : .month).published }

    func begin(_ period: QuotaPeriod, _ number: Int64) { head(period == .day ? .day : .month).publish(number) }

    /// The latest time of day that was counted with before this process, microseconds since 1970.
    var steadyTime: Int64 {
        get { head(.steadyTime).value }
        set { head(.steadyTime).value = newValue }
    }

    /// Brings what was counted to the disk. Blocks.
    package func sync() {
        guard descriptor >= 0 else { return }
        let bytes = book.withLock { $0.records } * Self.recordBytes
        msync(words.memory, bytes, MS_SYNC)
    }

    // MARK: Records

    /// The words of a holder such as `key/ID`; new ones are zero. For when tables are applied: it locks, and may ask the disk for space.
    func record(_ name: String) throws(MeterError) -> LimitWords {
        try book.withLock { book throws(MeterError) in
            if let place = book.places[name] { return record(at: place) }
            let place: Int
            if let free = book.free.popLast() { place = free } else { place = try next(&book) }
            book.places[name] = place
            let record = record(at: place)
            record.clear()
            record.write(name, words: Self.nameWords)
            return record
        }
    }

    /// Whose words are kept.
    var names: Set<String> { book.withLock { Set($0.places.keys) } }

    /// Forgets holders of whom nothing counts any more: others get their places.
    ///
    /// - Parameter isOver: Asked, behind the lock, with the name and the words of each; nobody else may hold the words that it gives away.
    func forget(where isOver: (String, LimitWords) -> Bool) {
        book.withLock { book in
            for (name, place) in book.places where isOver(name, record(at: place)) {
                book.places[name] = nil
                // The name first: whatever ends the process in between, the place is nobody's.
                record(at: place).clear()
                book.free.append(place)
            }
        }
    }

    private func next(_ book: inout Book) throws(MeterError) -> Int {
        if book.records >= book.capacity {
            guard book.capacity + Self.blockRecords <= Self.mostRecords else { throw MeterError(.file, "too many tenants and keys") }
            try grow(to: book.capacity + Self.blockRecords)
            book.capacity += Self.blockRecords
        }
        defer { book.records += 1 }
        return book.records
    }

    private func grow(to records: Int) throws(MeterError) {
        guard descriptor >= 0 else { return }
        let failure = posix_fallocate(descriptor, 0, off_t(records * Self.recordBytes))
        guard failure == 0 else { throw MeterError(.file, "no space for \(path ?? ""): \(String(cString: strerror(failure)))") }
    }

    private func record(at place: Int) -> LimitWords { words.part(place * Self.recordWords, Self.recordWords) }

    private func head(_ word: Head) -> LimitWords.Word { words[word.rawValue] }

    // MARK: Start

    private func load() throws(MeterError) {
        var status = stat()
        let bytes = descriptor >= 0 && fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
        var found = bytes / Self.recordBytes
        if found > 0, head(.magic).value != Self.magic || head(.recordBytes).value != Self.recordBytes {
            found = 0
            try setAside()
        }
        let machine = LimitFile.machine
        let isSameMachineStart = found > 0 && head(.machine).value == machine
        try book.withLock { book throws(MeterError) in
            book.capacity = found
            if found == 0 {
                try grow(to: Self.blockRecords)
                book.capacity = Self.blockRecords
            }
            for place in 1..<max(found, 1) { take(place, isSameMachineStart, &book) }
            let taken = Set(book.places.values)
            book.free = (1..<book.records).filter { !taken.contains($0) }
        }
        head(.magic).value = Self.magic
        head(.recordBytes).value = Int64(Self.recordBytes)
        head(.machine).value = machine
    }

    private func take(_ place: Int, _ isSameMachineStart: Bool, _ book: inout Book) {
        let record = record(at: place)
        guard let name = record.text(words: Self.nameWords) else { return }
        book.places[name] = place
        book.records = max(book.records, place + 1)
        LimitHolder.restart(record, isSameMachineStart: isSameMachineStart)
    }

    /// Kept for a person to look at; counting begins anew.
    private func setAside() throws(MeterError) {
        guard let path else { return }
        let copy = cplatform_open(path + ".damaged", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
        if copy >= 0 {
            write(copy, words.memory, Self.recordBytes)
            close(copy)
        }
        guard ftruncate(descriptor, 0) == 0 else { throw MeterError(.file, "cannot empty \(path)") }
    }

    /// A number that another start of this machine hardly has: monotonic instants of one start mean nothing after another.
    private static let machine: Int64 = {
        let start = KernelText.bootId
        return start.isEmpty ? 0 : start.utf8.reduce(1_125_899_906_842_597) { ($0 &* 31) &+ Int64($1) }
    }()
}

/// Words in mapped memory that several threads count in.
///
/// The memory is as long-lived as the `LimitFile`, which everybody who holds words holds too, and it is touched by atomic operations only: so it
/// may be passed between threads.
struct LimitWords: @unchecked Sendable {
    typealias Word = UnsafeMutablePointer<Atomic<Int64>>

    let memory: UnsafeMutableRawPointer
    private let words: Word
    private let count: Int

    init(_ memory: UnsafeMutableRawPointer, count: Int) {
        self.memory = memory
        self.count = count
        words = memory.bindMemory(to: Atomic<Int64>.self, capacity: count)
    }

    private init(_ words: Word, count: Int) {
        memory = UnsafeMutableRawPointer(words)
        self.words = words
        self.count = count
    }

    subscript(index: Int) -> Word { words + index }

    func part(_ start: Int, _ count: Int) -> LimitWords { LimitWords(words + start, count: count) }

    func clear() {
        for index in 0..<count { self[index].value = 0 }
    }

    /// Up to eight bytes in each of the first `words`, the rest zero.
    func write(_ text: String, words: Int) {
        var bytes = Array(text.utf8.prefix(words * 8))
        bytes += [UInt8](repeating: 0, count: words * 8 - bytes.count)
        for index in 0..<words {
            let word = bytes[index * 8..<index * 8 + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            self[index].value = Int64(bitPattern: word)
        }
    }

    /// Nil when there is none.
    func text(words: Int) -> String? {
        var bytes: [UInt8] = []
        for index in 0..<words {
            let word = UInt64(bitPattern: self[index].value)
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift * 8))) }
        }
        let text = bytes.prefix { $0 != 0 }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }
}

extension UnsafeMutablePointer<Atomic<Int64>> {
    /// The word as some thread wrote it last, in no order with other words.
    @inline(__always)
    var value: Int64 {
        get { pointee.load(ordering: .relaxed) }
        nonmutating set { pointee.store(newValue, ordering: .relaxed) }
    }

    /// Reads what `publish` wrote, and all that was written before it.
    @inline(__always)
    var published: Int64 { pointee.load(ordering: .acquiring) }

    @inline(__always)
    func publish(_ value: Int64) { pointee.store(value, ordering: .releasing) }

    @inline(__always)
    func add(_ amount: Int64) { pointee.wrappingAdd(amount, ordering: .relaxed) }

    /// Puts `next` in the place of `known`; false, with what is there now in `known`, when somebody was faster.
    @inline(__always)
    func replace(_ known: inout Int64, by next: Int64) -> Bool {
        let (done, present) = pointee.weakCompareExchange(expected: known, desired: next, ordering: .relaxed)
        known = present
        return done
    }
}
