//! Lists in a real browser and in Azerbaijani: groups of conditions, saved views, the history of a record.

use crate::kit::Stage;

#[tokio::test]
async fn a_member_works_in_azerbaijani() {
    let stage = Stage::start().await;
    let window = stage.window().await;
    window.sign_in("owner@city-hospital.example").await;
    window.open("/account/").await;
    window.choose("language", "Azərbaycanca").await;
    window.press("form[action='/account/locale/'] .button").await;
    window.open("/doctors/").await;
    assert_eq!(window.text("h1").await, "Həkimlər");
    window.click("[data-opens] summary").await;
    window.settled().await;
    window.click("#alternatives button").await;
    window.settled().await;
    // Each choice brings the next input, without leaving the page.
    window.choose("field-0_0", "Soyad").await;
    window.settled().await;
    window.fill("value-0_0", "e").await;
    window.choose("field-1_0", "Telefon").await;
    window.settled().await;
    assert_eq!(window.value("value-0_0").await, "e", "what was typed stays");
    window.choose("is-1_0", "boşdur").await;
    window.settled().await;
    window.look("owner").await;
    window.press("#query .sheet .button.primary").await;
    let chips = window.text(".chips").await;
    assert!(chips.contains("Soyad, tərkibində: e və ya Telefon boşdur"), "{chips}");
    let shown = window.count("tbody tr").await;
    assert!(shown > 0);

    window.click(".views summary").await;
    window.fill("view-name", "Axtarış").await;
    window.click("#view-default").await;
    window.press(".views .sheet .button.primary").await;
    assert!(window.text(".notice").await.contains("Görünüş yadda saxlandı."));
    window.look("owner").await;
    window.open("/doctors/").await;
    assert!(window.url().await.contains("any="), "{}", window.url().await);
    assert_eq!(window.count("tbody tr").await, shown);
    window.open("/doctors/views/").await;
    assert!(window.text("main").await.contains("Siyahı bununla açılır"));
    window.look("owner").await;

    window.open("/doctors/1/edit/").await;
    window.fill("phone", "+43 1 4711").await;
    window.press("form.edit .button.primary").await;
    window.open("/doctors/1/history/").await;
    let text = window.text(".changes").await;
    assert!(text.contains("Telefon") && text.contains("qeydi əlavə etdi"), "{text}");
    window.look("owner").await;
    window.quit().await;
}
