import Foundation
import PodstackAPI

/// The configuration of Chromium.
struct BrowserCapabilities {
    var javaScript: Bool
    var dark: Bool
    var width: Int
    var height: Int
    var trustsAnyone: Bool

    private var isPhone: Bool { width < 600 }

    private var arguments: [String] {
        [
            "--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--disable-breakpad", "--no-first-run",
            // A pipe instead of a port, which other processes could use. Chromium ends when the pipe is closed.
            "--remote-debugging-pipe",
            "--disable-background-networking", "--disable-component-update",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            "--blink-settings=preferredColorScheme=\(dark ? 0 : 1)",
            // Otherwise, a screenshot would depend on when it is taken.
            "--force-prefers-reduced-motion", "--hide-scrollbars",
        ] + (getuid() == 0 ? ["--no-sandbox"] : [])
    }

    var json: JSONValue {
        let metrics: JSONValue = [
            "width": .integer(width), "height": .integer(height), "pixelRatio": 1, "mobile": .bool(isPhone),
            "touch": .bool(isPhone),
        ]
        var options: [String: JSONValue] = [
            "args": .array(arguments.map { .string($0) }),
            // A window cannot be as narrow as a phone's screen.
            "mobileEmulation": ["deviceMetrics": metrics],
        ]
        if !javaScript { options["prefs"] = ["profile.default_content_setting_values.javascript": 2] }
        return [
            "browserName": "chrome", "acceptInsecureCerts": .bool(trustsAnyone),
            "goog:loggingPrefs": ["browser": "ALL"], "goog:chromeOptions": .object(options),
        ]
    }
}
