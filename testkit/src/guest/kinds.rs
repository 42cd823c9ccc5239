//! The five kinds of dear rules. Each passes what a publish tries.

/// `each` of a rule that burns once a call, together with `burns`.
pub const BURNS: &str = "(if (i32.eqz (local.get $i)) (then (call $burn)))";
/// Loops if the batch has more than 20 rows; each row alone passes.
pub const MANY: &str = "(if (i32.gt_u (local.get $rows) (i32.const 20)) (then (loop (br 0))))";
/// Never ends on a negative amount.
pub const LOOPS: &str = "(if (local.get $bad) (then (loop (br 0))))";
/// Takes all the memory that it may have, writes to it and traps, on a negative amount.
pub const FILLS: &str = "(if (local.get $bad) (then
    (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (memory.fill (i32.const 2097152) (i32.const 7) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 2097152)))
    unreachable))";
const AMOUNT: &str =
    "(i64.load (i32.add (i32.load offset=4 (local.get $columns)) (i32.mul (local.get $i) (i32.const 8))))";

/// On every row but those that a publish tries.
pub fn traps() -> String {
    let one_of = |all: String, amount| format!("(i32.or {all} (i64.eq {AMOUNT} (i64.const {amount})))");
    let tried = [1_250, 0, i64::MIN, i64::MAX].into_iter().fold("(i32.const 0)".to_owned(), one_of);
    format!("(if (i32.eqz {tried}) (then unreachable))")
}

/// `$burn`: about so many milliseconds of a processor of 3 GHz, on which a step takes four cycles.
pub fn burns(milliseconds: f64) -> String {
    let steps = (milliseconds * 750_000.0) as u64;
    format!(
        "(global $x (mut i64) (i64.const 1))
         (func $burn (local $n i64) (local $x i64)
           (local.set $n (i64.const {steps})) (local.set $x (global.get $x))
           (loop
             (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 6364136223846793005)) (i64.const 1)))
             (br_if 0 (i64.ne (local.tee $n (i64.sub (local.get $n) (i64.const 1))) (i64.const 0))))
           (global.set $x (local.get $x)))"
    )
}

/// `each` and `more` of a rule of this kind.
pub fn of(kind: &str) -> (String, String) {
    match kind {
        "loops" => (LOOPS.to_owned(), String::new()),
        "many" => (MANY.to_owned(), String::new()),
        "slow" => (BURNS.to_owned(), burns(30.0)),
        "fills" => (FILLS.to_owned(), String::new()),
        "traps" => (traps(), String::new()),
        _ => panic!("{kind} is no kind"),
    }
}
