//! A few literal rows of each public data set, as its file has them, through the mapping that is made for it.

use crate::cli::{CREDITCARD, made, text};

const KAGGLE: &str = include_str!("../../../../mappings/paysim_kaggle.toml");

/// The first rows of PS_20174392719_1491204439457_log.csv, and its last.
const PAYSIM_ROWS: &str = "\
step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest,isFraud,isFlaggedFraud
1,PAYMENT,9839.64,C1231006815,170136.0,160296.36,M1979787155,0.0,0.0,0,0
1,TRANSFER,181.0,C1305486145,181.0,0.0,C553264065,0.0,0.0,1,0
1,CASH_OUT,181.0,C840083671,181.0,0.0,C38997010,21182.0,0.0,1,0
743,CASH_OUT,850002.52,C1280323807,850002.52,0.0,C873221189,6510099.11,7360101.63,1,0
";

/// The first rows of creditcard.csv (R writes the class in quotes), and the one whose time R wrote as a power of ten.
const CREDITCARD_ROWS: &str = r#""Time","V1","V2","V3","V4","V5","V6","V7","V8","V9","V10","V11","V12","V13","V14","V15","V16","V17","V18","V19","V20","V21","V22","V23","V24","V25","V26","V27","V28","Amount","Class"
0,-1.3598071336738,-0.0727811733098497,2.53634673796914,1.37815522427443,-0.338320769942518,0.462387777762292,0.239598554061257,0.0986979012610507,0.363786969611213,0.0907941719789316,-0.551599533260813,-0.617800855762348,-0.991389847235408,-0.311169353699879,1.46817697209427,-0.470400525253478,0.207971241929242,0.0257905801985591,0.403992960255733,0.251412098239705,-0.018306777944153,0.277837575558899,-0.110473910188767,0.0669280749146731,0.128539358273605,-0.189114843888824,0.133558376740387,-0.0210530534538215,149.62,"0"
1,-1.35835406159823,-1.34016307473609,1.77320934263119,0.379779593034328,-0.503198133318193,1.80049938079263,0.791460956450422,0.247675786588991,-1.51465432260583,0.207642865216696,0.624501459424895,0.066083685268831,0.717292731410831,-0.165945922763554,2.34586494901581,-2.89008319444231,1.10996937869599,-0.121359313195888,-2.26185709530414,0.524979725224404,0.247998153469754,0.771679401917229,0.909412262347719,-0.689280956490685,-0.327641833735251,-0.139096571514147,-0.0553527940384261,-0.0597518405929204,378.66,"0"
1e+05,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,"0"
"#;

#[test]
fn the_original_paysim_is_sent_with_its_hours_as_times_and_its_amounts_as_they_stand() {
    let made = made(KAGGLE, "PS_20174392719_1491204439457_log.csv", PAYSIM_ROWS);
    assert_eq!(made.len(), 4);
    assert_eq!(
        (made[0].key.as_str(), text(&made[0])),
        (
            "C1231006815",
            r#"{"amount":9839.64,"event_time":1483228800000,"is_flagged_fraud":0,"is_fraud":0,"name_dest":"M1979787155","name_orig":"C1231006815","new_balance_dest":0.0,"new_balance_orig":160296.36,"old_balance_dest":0.0,"old_balance_org":170136.0,"step":1,"type":"PAYMENT"}"#
        )
    );
    assert!(text(&made[1]).contains(r#""amount":181.0,"#) && text(&made[1]).contains(r#""is_fraud":1,"#));
    assert!(text(&made[2]).contains(r#""old_balance_dest":21182.0,"#));
    // 2017-01-31T22:00:00Z, the 743rd hour.
    assert!(text(&made[3]).contains(r#""event_time":1485900000000,"#), "{}", text(&made[3]));
}

#[test]
fn the_generators_mapping_says_which_column_the_original_lacks() {
    let mapping = weir::cli::produce::Mapping::parse(include_str!("../../../../mappings/paysim.toml")).unwrap();
    let mapping = mapping.for_input(std::path::Path::new("x.csv")).unwrap();
    let first = weir::cli::produce::records(std::io::Cursor::new(PAYSIM_ROWS), mapping).next().unwrap();
    assert!(first.unwrap_err().message.starts_with("no column \"event_time\"; the columns are step, type, amount, "));
}

#[test]
fn ulbs_card_payments_are_sent_with_their_seconds_as_times() {
    let made = made(CREDITCARD, "creditcard.csv", CREDITCARD_ROWS);
    let sent: Vec<_> = made.iter().map(|one| (one.key.as_str(), text(one))).collect();
    let wanted = [
        ("0", r#"{"amount":149.62,"event_time":1377993600000,"is_fraud":0,"name_orig":"0","type":"CARD"}"#),
        ("1", r#"{"amount":378.66,"event_time":1377993601000,"is_fraud":0,"name_orig":"1","type":"CARD"}"#),
        ("1e+05", r#"{"amount":1,"event_time":1378093600000,"is_fraud":0,"name_orig":"1e+05","type":"CARD"}"#),
    ];
    assert_eq!(sent, wanted);
}

#[test]
fn an_amount_with_more_digits_or_none_is_sent_as_it_stands_for_the_engine_to_reject() {
    let made = made(CREDITCARD, "creditcard.csv", "Time,Amount,Class\n0,1.005,0\n1,NA,0\n");
    assert!(text(&made[0]).starts_with(r#"{"amount":1.005,"#));
    assert!(text(&made[1]).starts_with(r#"{"amount":"NA","#));
}
