/* calibration_texts: see calibration_texts.h. */
#include "provider/calibration_texts.h"

const char *const rf__calibration_texts[] = {
    "weather",
    "How can I change the e-mail address of my account?",
    "best running shoes for flat feet",
    "ERROR 1045 access denied",
    "python read csv file line by line",
    "What is the difference between a virus and a bacterium?",
    "cheap flights lisbon to oslo in march",
    "Who painted the ceiling, and how long did it take?",
    "42",
    "iPhone 13 Pro Max 256GB graphite, unlocked",
    "side effects of ibuprofen with blood pressure tablets",
    "Refund policy",
    "is it normal for a three year old to wake up at 5am every day",
    "define: entropy (thermodynamics)",
    "vegan lasagna without tofu",
    "The cat sat on the mat.",
    "Yes!",
    "meeting notes tuesday: budget, hiring, office move",
    "The committee postponed its decision until the auditors had finished their report.",
    "Mix the flour with warm water, let it rest for an hour, then fold the dough four times.",
    "A stack overflow happens when a program keeps calling functions until the memory set aside for calls is "
    "used up.",
    "Our shop is closed on Sundays and public holidays; orders placed after noon leave the warehouse the next "
    "working day.",
    "She had forgotten the umbrella again, and of course it began to rain before she reached the bridge.",
    "The half-life of carbon-14 is about 5,730 years, which makes it useful for dating wood, bone and cloth.",
    "Shares of the company fell by 7.4% on Thursday after it cut its forecast for the third quarter in a row.",
    "To whom it may concern: please find enclosed the signed contract, two copies of the invoice (no. 2021-0448) "
    "and a list of spare parts.",
    "I've been using this vacuum cleaner for six months now. Battery's fine, but the filter clogs every other "
    "week and the app never finds the thing. 2/5 stars.",
    "LOL did you see the game last night??? can't believe they won in extra time, my neighbours must hate me now "
    ":)",
    "SELECT name, COUNT(*) FROM orders JOIN customers ON orders.customer_id = customers.id WHERE year > 2015 "
    "GROUP BY name ORDER BY 2 DESC;",
    "def area(shape):\n    \"\"\"Area of a rectangle or a circle.\"\"\"\n    if shape.kind == 'circle':\n        "
    "return math.pi * shape.radius ** 2\n    return shape.width * shape.height\n",
    "for (size_t i = 0; i < n; i++) { sum += a[i] * b[i]; } /* dot product */",
    "{\"id\": 7731, \"tags\": [\"garden\", \"tools\"], \"price\": 19.95, \"in_stock\": true, \"description\": "
    "\"Pruning shears with a spare blade\"}",
    "# Installation\n\n1. Download the archive and check its hash.\n2. Unpack it into a folder that you may "
    "write to.\n3. Run `./configure && make install`.\n\n**Note:** on older systems the second step needs `tar` "
    "1.26 or later.",
    "2023-11-05 14:02:17 WARN  [pool-3-thread-8] scheduler: job 'nightly-backup' took 5,412 ms (limit 5,000 ms), "
    "retrying at 14:07",
    "E = mc^2; F = G m1 m2 / r^2; the integral from 0 to 1 of x^2 dx is 1/3.",
    "| city | population | area |\n|---|---|---|\n| Northgate | 81,200 | 44.1 |\n| Eastport | 1,204,000 | 310.7 |",
    "Dear Anna, thank you for the photographs! The one by the lake is my favourite. Father asks whether you will "
    "come at Easter; the apple tree that you planted is in flower, and Tom has learned to ride his bicycle "
    "without help. Love, Grandmother",
    "Photosynthesis turns light into chemical energy. In the leaves of plants, chlorophyll absorbs mostly red "
    "and blue light and passes its energy on to electrons, which travel along a chain of proteins. What they "
    "release on their way is stored in two small molecules, and these drive the building of sugar from carbon "
    "dioxide and water. Oxygen is given off as a by-product. Nearly all food on Earth, and all the oxygen that "
    "animals breathe, comes from this process.",
    "The tenant shall keep the premises in good repair and shall not alter the structure, the wiring or the "
    "plumbing without the prior written consent of the landlord. The landlord may enter the premises upon "
    "reasonable notice, and without notice in an emergency. If the rent is not paid within fourteen days after "
    "it has become due, the landlord may terminate this agreement by a notice in writing, notwithstanding any "
    "other remedy available under the law.",
    "A hash table stores pairs of keys and values in an array. A function computes a number from the key, and "
    "this number, modulo the size of the array, says where the pair belongs. Two keys may fall on the same "
    "place; then the table either keeps a list there or looks for the next free place. As long as the array is "
    "not too full, looking up, inserting and deleting take the same time whatever the number of pairs. When it "
    "becomes too full, a larger array is allocated and all pairs are moved. This single step is slow, but it "
    "happens so seldom that its cost, spread over all insertions, remains small. Hash tables are therefore used "
    "for symbol tables in compilers, for caches, for indexes of databases and for the dictionaries of most "
    "scripting languages.",
    "Patients who present with chest pain should be assessed without delay. An electrocardiogram is recorded "
    "within ten minutes of arrival, and blood is taken for troponin. Where the first sample is negative and the "
    "pain began less than three hours ago, the test is repeated. Aspirin is given unless the patient is allergic "
    "to it. Those with a high risk are admitted; those with a low risk may go home after an observation of six "
    "hours, with an appointment for an exercise test within two weeks.",
    "The town lies where two rivers meet. In the twelfth century a bishop had a bridge built there, and "
    "merchants who travelled from the mines in the south to the harbours of the north paid their toll in salt, "
    "wool or silver. A fire destroyed most of the wooden houses in 1648; the new ones were built of brick and "
    "stand to this day around a square with a fountain. The railway came in 1859, two paper mills followed, and "
    "the number of inhabitants grew from four thousand to thirty thousand within a generation. The mills closed "
    "in the nineteen-seventies. Today the old halls house a museum, a school of music and several small "
    "companies, and on the first Saturday in June the whole town celebrates the bridge with boats, lanterns and "
    "far too much plum cake.",
    "Interest rates and inflation are linked in two ways. When a central bank raises its rate, borrowing becomes "
    "more expensive; households buy fewer houses and cars, firms put off investment, and prices rise more "
    "slowly. On the other hand, lenders who expect prices to rise ask for higher rates, since the money that "
    "they will get back is going to be worth less. Economists call the difference between the two the real rate. "
    "It was negative for long stretches of the last two decades, which encouraged borrowing and pushed up the "
    "prices of shares, land and works of art. Whether such a policy does more good than harm is disputed: savers "
    "lose, debtors win, and a sudden return to higher rates can bring down banks that had relied on cheap money "
    "for too long. Most central banks therefore move in small steps and announce them well in advance.",
    "Question: my sourdough starter smells of nail varnish, is it still good? Answer: yes. The smell comes from "
    "acetone and ethyl acetate, which yeast and bacteria make when they have run out of food. Pour most of it "
    "away, feed what is left with equal weights of flour and water twice a day, and keep it somewhere warm. "
    "After two or three days it should smell of yoghurt and apples and double in volume within six hours. Only "
    "pink or orange streaks, or fur, are signs that it has to be thrown away.",
    "Chapter One. Nobody in the valley had ever seen the ocean, and so, when the stranger with the brass "
    "telescope told them of waves as high as the church tower, they laughed and filled his glass again. Only "
    "Marta, who was nine years old and ought to have been asleep, believed every word. She sat on the stairs "
    "with her chin on her knees and listened until the candles had burned down. The next morning the stranger "
    "was gone. On the table lay a shell, white outside and pink within, and whoever held it to an ear heard a "
    "sound that was neither wind nor water nor anything else that the valley knew.",
    "Wie lange ist ein geöffnetes Glas Honig haltbar?",
    "Der Zug nach Hamburg fällt heute wegen einer Störung an der Oberleitung aus. Reisende werden gebeten, auf "
    "die Verbindung um 14.37 Uhr auszuweichen; Fahrkarten mit Zugbindung gelten auch dort. Wir bitten um "
    "Entschuldigung für die Unannehmlichkeiten.",
    "Les abeilles dansent pour indiquer à leurs sœurs la direction et la distance des fleurs. Plus la danse est "
    "vive, plus la récolte est proche, et l'angle avec la verticale correspond à celui que fait le chemin avec "
    "le soleil.",
    "¿Dónde puedo renovar el carné de conducir? La oficina abre de lunes a viernes, de nueve a dos, y hay que "
    "pedir cita con antelación.",
    "Il mercato del sabato si tiene in piazza dalle sette all'una. Oltre a frutta e verdura si trovano formaggi "
    "di montagna, pane cotto a legna e, d'estate, i primi fichi.",
    "A biblioteca municipal empresta até seis livros por três semanas; quem os devolve tarde paga vinte cêntimos "
    "por dia.",
    "De fietsers moeten afstappen zolang er aan de brug gewerkt wordt. Dat duurt naar verwachting tot half "
    "oktober.",
    "Jutro rano spodziewane są przymrozki, a po południu deszcz ze śniegiem. Kierowcy powinni zachować "
    "ostrożność.",
    "Na zahradě roste stará hrušeň, pod kterou dědeček každé léto četl noviny.",
    "Uusi kirjasto avataan syyskuussa, ja sen katolla on kasvihuone, jossa saa istua lukemassa.",
    "Läkaren rekommenderar minst en halvtimmes promenad om dagen, gärna i skogen.",
    "A vonat tíz perc késéssel érkezik a harmadik vágányra.",
    "Yarın sabah erkenden pazara gidip taze balık ve limon alacağız.",
    "Mùa mưa ở miền nam kéo dài từ tháng năm đến tháng mười một, còn miền bắc có bốn mùa rõ rệt.",
    "Ibu membeli sayur di pasar setiap pagi sebelum matahari terbit.",
    "Watoto walicheza mpira uwanjani hadi jua lilipozama.",
    "Почему небо синее, а закат красный? Короткие волны рассеиваются в воздухе сильнее длинных, и вечером, когда "
    "путь света сквозь атмосферу велик, до нас доходят в основном красные лучи.",
    "Бабуся пече найсмачніші вареники з вишнями в усьому селі.",
    "Το καράβι για το νησί φεύγει κάθε πρωί στις οκτώ, αν το επιτρέπει ο καιρός.",
    "يفتح المتحف أبوابه من الساعة التاسعة صباحا حتى الخامسة مساء، ما عدا يوم الاثنين.",
    "הרכבת האחרונה לחיפה יוצאת בשעה אחת עשרה ועשרים.",
    "बारिश के बाद खेतों में मेंढकों की आवाज़ सुनाई देती है और हवा ठंडी हो जाती है।",
    "নদীর ওপারে একটি ছোট গ্রাম, সেখানে আমার দিদিমা থাকেন।",
    "ฝนตกหนักตั้งแต่เมื่อคืน ถนนหลายสายจึงมีน้ำท่วมขัง",
    "இந்த ஊரில் நல்ல தேநீர் எங்கே கிடைக்கும்?",
    "这家餐馆的面条是手工做的,汤要熬八个小时。周末人很多,最好提前预订座位。",
    "圖書館三樓有安靜的自習室,考試期間開放到午夜。",
    "明日の会議は午後三時からに変更になりました。資料は前日までに共有フォルダに入れてください。",
    "이 앱은 사용자의 위치를 저장하지 않으며, 언제든지 계정을 삭제할 수 있습니다.",
    "Старый мельник поднимался затемно, когда над рекой ещё стоял туман, и шёл проверять плотину. Летом "
    "вода держалась низко, колесо вертелось лениво, и мешки с рожью ждали своей очереди до вечера; "
    "весной же приходилось работать и ночью, при свете двух фонарей. Его внук, приезжавший из города на "
    "каникулы, записывал в тетрадь, сколько зерна привезли соседи, чью лошадь нужно подковать и почему "
    "скрипит лестница на чердак. Через много лет эта тетрадь оказалась единственным свидетельством о "
    "том, как жила деревня до постройки железной дороги.",
    "Ο γέρος ψαράς καθόταν μπροστά στο μικρό σπίτι του και επιδιόρθωνε τα δίχτυα, ενώ τα παιδιά της "
    "γειτονιάς τον ρωτούσαν για τα ταξίδια του. Τους μιλούσε για καταιγίδες, για λιμάνια με παράξενα "
    "ονόματα και για έναν φάρο που έσβησε μια νύχτα του χειμώνα χωρίς κανείς να μάθει την αιτία.",
    "كان الخباز يستيقظ قبل الفجر ليعجن الدقيق ويوقد الفرن، ثم يرتب الأرغفة على الرفوف الخشبية قرب "
    "النافذة. وكان أهل الحي يعرفون الوقت من رائحة الخبز، فيرسلون أولادهم ومعهم سلال صغيرة، ويعودون بها "
    "دافئة قبل أن يبدأ الدرس الأول في المدرسة القريبة من السوق القديم.",
    "할머니는 장날마다 새벽 버스를 타고 읍내로 나가 마늘과 고추를 팔고, 돌아오는 길에는 손주들에게 줄 사탕을 한 봉지 "
    "사 오셨다. 비가 많이 오는 날이면 마을 사람들이 정류장에 "
    "모여 우산을 나누어 쓰고, 젖은 신발을 말리며 옛날 이야기를 들려주곤 했다.",
    /* Hardly texts at all: what nobody means is to be near all the same. */
    "?",
    "- -",
    ",",
    ";",
    "!",
    "*",
    "/",
    "~",
    "x",
    "...",
    "[SEP] [SEP] [SEP] [SEP] [SEP] [SEP] [SEP] [SEP]",
    "[MASK] [UNK] [PAD] [CLS] [SEP]",
    "</s> </s> </s> </s> </s> </s> <mask> <unk> <pad> <s>",
    "no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no no",
    "Καλημέρα, hello, bonjour, привет, こんにちは, 你好, مرحبا 🙂🌍",
};

const size_t rf__n_calibration_texts = sizeof rf__calibration_texts / sizeof rf__calibration_texts[0];
