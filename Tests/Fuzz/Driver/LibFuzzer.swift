/// What libFuzzer calls with each input. `Subject` is the fuzzer that `Deploy/fuzz` builds.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        // A copy of just this length, so that the address sanitizer sees every read beyond it.
        try Subject.check(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        fatalError("\(Subject.name): \(error)")
    }
    return 0
}
