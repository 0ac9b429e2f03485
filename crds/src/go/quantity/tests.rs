use super::*;

fn check(input: &str, printed: &str, in_nano: &str) {
    assert_eq!(canonical(input).as_deref(), Some(printed), "{input}");
    assert_eq!(nano(input).map(|amount| amount.to_string()).as_deref(), Some(in_nano), "{input}");
}

#[test]
fn quantities_are_printed_as_go_prints_them() {
    check("0", "0", "0");
    check("0.0", "0", "0");
    check("0Gi", "0", "0");
    check("0.1", "100m", "100000000");
    check("1.5", "1500m", "1500000000");
    check("1.500", "1.500", "1500000000");
    check("+1", "+1", "1000000000");
    check("1000m", "1", "1000000000");
    check("1000", "1k", "1000000000000");
    check("1024", "1024", "1024000000000");
    check("1024Mi", "1Gi", "1073741824000000000");
    check("100Mi", "100Mi", "104857600000000000");
    check("1536Mi", "1536Mi", "1610612736000000000");
    check("1.5Gi", "1536Mi", "1610612736000000000");
    check("0.5Ki", "512", "512000000000");
    check("0.1Ki", "102400m", "102400000000");
    check("1e3", "1e3", "1000000000000");
    check("12e2", "1200", "1200000000000");
    check("-100m", "-100m", "-100000000");
    check("0.0000000001", "1n", "1");
}

#[test]
fn what_is_no_quantity_is_none() {
    for input in ["", "ten", "1Q", "1ki", "1.2.3", "1e", "--1"] {
        assert_eq!(canonical(input), None, "{input}");
    }
}
