import CPlatform

/// Keeps the agent small beside a model that wants all the memory there is.
enum MemoryCare {
    /// Gives back freed heap, and the pages of code and constants that were needed once, at the start.
    static func giveBack() {
        _ = cplatform_trim_allocator()
        cplatform_forget_code()
    }
}
