import Foundation
import PodstackTestSupport
import Testing

/// The suite of all tests that need a browser.
@Suite(
    "In a browser", .fewAtOnce, .blocking,
    .disabled(
        if: ProcessInfo.processInfo.environment["TSAN_OPTIONS"] != nil,
        "the thread sanitizer does not cover the browser and makes these tests very slow"), .timeLimit(.perTest))
enum InBrowser {}
