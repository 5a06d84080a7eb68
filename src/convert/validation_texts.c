/* validation_texts: see validation_texts.h. Written for this purpose; the two last are many of them in one text. */
#include "convert/validation_texts.h"

#include "base/mem.h"

#include <string.h>

static const char *const texts[] = {
    "",
    " ",
    "?",
    "hello",
    "The cat sits on the mat.",
    "A kitten is playing with a ball of wool in front of the fire.",
    "How do I return a parcel that arrived broken?",
    "Returns are free within thirty days; print the label, stick it on the box and leave it at any post office.",
    "The committee postponed its decision on the new bridge until the engineers have measured the river bed again.",
    "Water boils at 100 °C at sea level, but at about 71 °C on the top of Mount Everest.",
    "ERROR 0x80070057: the parameter is incorrect (line 42, column 7)",
    "SELECT name, COUNT(*) FROM orders WHERE placed_at >= '2024-01-01' GROUP BY name HAVING COUNT(*) > 3;",
    "for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)y[i];",
    "def mean(values):\n    return sum(values) / len(values) if values else 0.0\n",
    "{\"id\": 17, \"tags\": [\"a\", \"b\"], \"price\": 12.5, \"stock\": null}",
    "See example.org/path?query=1&page=2#top, or write to somebody@example.org.",
    "1234567890 3.14159 -273.15 1e-9 50 % 1/2 #1 (2) [3] {4}",
    "!!! ... ??? --- *** /// \\\\\\ ~~~",
    "I am so happy 😀🎉 that the train 🚂 came on time! 👩‍👩‍👧 🇪🇺",
    "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz",
    "Die Katze liegt auf der Fensterbank und schaut den Vögeln zu.",
    "Wer früh aufsteht, hat vom Tag mehr; wer lange schläft, hat vom Traum mehr.",
    "Le train de nuit pour Marseille part à vingt-deux heures quinze, voie sept.",
    "Où est-ce que l'on peut acheter du pain le dimanche matin ?",
    "¿Cuánto cuesta una entrada para el museo los domingos por la tarde?",
    "La vecina del quinto toca el violín todas las noches, y nadie se queja.",
    "Domani mattina andremo al mercato a comprare le arance e il pesce fresco.",
    "O rio sobe devagar, mas ninguém na aldeia se lembra de uma cheia tão cedo.",
    "De fiets staat tegen de muur en de regen valt zachtjes op het zadel.",
    "Bilen startar inte när det är kallare än tjugo grader under noll.",
    "Vanha mies korjasi verkkonsa ennen kuin lähti järvelle.",
    "Książka leży na stole obok okna, a lampa świeci już od godziny.",
    "Zítra ráno pojedeme vlakem do hor a vrátíme se až v neděli.",
    "A macska a tetőn alszik, amíg a nap el nem éri a kéményt.",
    "Pisica doarme pe scaun, iar copiii vorbesc în șoaptă.",
    "Çocuklar parkta oynarken yaşlı adam gazetesini okuyordu.",
    "Con mèo ngủ trên ghế, còn trời ngoài kia vẫn mưa.",
    "Kucing itu tidur di bawah meja, sementara hujan turun di luar.",
    "Paka amelala juu ya mkeka karibu na mlango.",
    "Кошка спит на подоконнике, а за окном идёт снег.",
    "Поїзд до Львова вирушає о сьомій годині вечора.",
    "Котката спи на прага, а децата играят на двора.",
    "Η γάτα κοιμάται πάνω στο τραπέζι και η βροχή συνεχίζεται.",
    "החתול ישן על הספה, והילדים משחקים בחצר.",
    "القطة نائمة على الأريكة، والأطفال يلعبون في الحديقة.",
    "گربه روی صندلی خوابیده است و باران می‌بارد.",
    "बिल्ली चटाई पर बैठी है और बच्चे बाहर खेल रहे हैं।",
    "বিড়ালটি জানালার পাশে ঘুমিয়ে আছে।",
    "பூனை பாயில் தூங்குகிறது, வெளியே மழை பெய்கிறது.",
    "แมวนอนอยู่บนเสื่อ ส่วนเด็ก ๆ เล่นอยู่ข้างนอก",
    "კატა ფანჯარასთან წევს და ჩიტებს უყურებს.",
    "Կատուն քնած է պատուհանի մոտ։",
    "猫坐在垫子上，孩子们在院子里玩。",
    "如何在三十天内退回已经损坏的包裹？",
    "窗外下著雨，貓睡在書架上。",
    "猫がマットの上に座っていて、外では雨が降っています。",
    "壊れて届いた荷物は、どうやって返品できますか。",
    "고양이가 매트 위에 앉아 있고 아이들은 밖에서 놀고 있다.",
    "The quick brown fox, le renard brun et rapide, der schnelle braune Fuchs, 敏捷的棕色狐狸.",
    "To make bread, mix five hundred grams of flour with three hundred and fifty millilitres of warm water, ten grams "
    "of "
    "salt and seven grams of yeast. Knead the dough for ten minutes until it is smooth, cover it, and let it rise for "
    "an "
    "hour in a warm place. Shape it into a loaf, let it rise again while the oven heats to two hundred and thirty "
    "degrees, cut the top with a sharp knife and bake it for thirty-five minutes. It is done when the bottom sounds "
    "hollow. Leave it to cool on a rack before you cut the first slice, however good it smells.",
};
#define N_TEXTS (sizeof texts / sizeof texts[0])
#define N_LONG  2 /* joined: every third text, and all of them */

/* Texts first, first + step … end to end; the length. */
static size_t join(char *out, size_t first, size_t step)
{
    char *at = out;

    for (size_t i = first; i < N_TEXTS; i += step) {
        size_t len = strlen(texts[i]);
        memcpy(at, texts[i], len);
        at += len;
        *at++ = ' ';
    }
    return (size_t)(at - out);
}

rf_text *rf__validation_texts(size_t *n)
{
    size_t bytes = (N_TEXTS + N_LONG) * sizeof(rf_text), joined = 0;
    rf_text *out;
    char *room;

    for (size_t i = 0; i < N_TEXTS; i++)
        joined += strlen(texts[i]) + 1;
    out = rf__alloc(bytes + N_LONG * joined);
    if (out == NULL)
        return NULL;
    room = (char *)out + bytes;
    for (size_t i = 0; i < N_TEXTS; i++)
        out[i] = (rf_text){texts[i], strlen(texts[i])};
    out[N_TEXTS] = (rf_text){room, join(room, 0, 3)};
    room += joined;
    out[N_TEXTS + 1] = (rf_text){room, join(room, 0, 1)};
    *n = N_TEXTS + N_LONG;
    return out;
}
