import Foundation
import PodstackTestSupport
import Testing

/// Every test that needs a browser is in here, so that no two of them run at once: a Chromium is a dozen processes.
@Suite(
    "In a browser", .serialized, .blocking,
    .disabled(
        if: ProcessInfo.processInfo.environment["TSAN_OPTIONS"] != nil,
        "the thread sanitizer sees nothing of the browser, and makes these tests very slow"))
enum InBrowser {}
