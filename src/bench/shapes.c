// Mappings of tables that people have, ready to copy into "benchmarks" of a job. Each is
// tried by a test on a file of that shape (tests/data/shapes).
#include "credence/bench/bench.h"

static const struct cr_bench_shape shapes[] = {
    {"table-with-passage", "a CSV of your own, options as columns",
     "{ \"format\": \"table\", \"path\": \"passage.csv\", \"framing\": \"categorical\",\n"
     "    \"columns\": { \"question\": \"question\", \"options\": [\"A\", \"B\", \"C\", "
     "\"D\"],\n"
     "                 \"answer\": \"answer\", \"id\": \"id\", \"context\": \"passage\" },\n"
     "    \"cluster\": \"passage\", \"where\": { \"subject\": [\"astronomy\", "
     "\"anatomy\"] },\n"
     "    \"keep\": [\"subject\"] }"},
    {"mmlu", "MMLU: a list column, an index from 0",
     "{ \"format\": \"table\", \"path\": \"mmlu.jsonl\", \"framing\": \"categorical\",\n"
     "    \"columns\": { \"question\": \"question\", \"options\": \"choices\", \"answer\": "
     "\"answer\" },\n"
     "    \"answers\": \"index0\", \"keep\": [\"subject\"] }"},
    {"mmlu-pro", "MMLU-Pro: up to ten options, a letter",
     "{ \"format\": \"table\", \"path\": \"mmlu_pro.jsonl\", \"framing\": "
     "\"categorical\",\n"
     "    \"columns\": { \"id\": \"question_id\", \"question\": \"question\", \"options\": "
     "\"options\",\n"
     "                 \"answer\": \"answer\" },\n"
     "    \"answers\": \"letter\", \"keep\": [\"category\"] }"},
    {"arc", "ARC: nested lists of text and label",
     "{ \"format\": \"table\", \"path\": \"arc.jsonl\", \"framing\": \"categorical\",\n"
     "    \"columns\": { \"id\": \"id\", \"question\": \"question\", \"options\": "
     "\"choices\",\n"
     "                 \"answer\": \"answerKey\" } }"},
    {"boolq", "BoolQ: a question answered by yes or no, with its passage",
     "{ \"format\": \"table\", \"path\": \"boolq.jsonl.gz\",\n"
     "    \"columns\": { \"question\": \"question\", \"answer\": \"answer\", \"context\": "
     "\"passage\" },\n"
     "    \"cluster\": \"passage\" }"},
    {"strategyqa", "StrategyQA: one JSON array",
     "{ \"format\": \"table\", \"path\": \"strategyqa.json\",\n"
     "    \"columns\": { \"id\": \"qid\", \"question\": \"question\", \"answer\": "
     "\"answer\" },\n"
     "    \"keep\": [\"term\"] }"},
    {"hellaswag", "HellaSwag: endings of a text, the index as a string",
     "{ \"format\": \"table\", \"path\": \"hellaswag.jsonl\", \"framing\": "
     "\"categorical\",\n"
     "    \"columns\": { \"question\": \"ctx\", \"options\": \"endings\", \"answer\": "
     "\"label\" },\n"
     "    \"answers\": \"index0\", \"keep\": { \"activity\": \"activity_label\" } }"},
    {"piqa", "PIQA: two solutions as columns",
     "{ \"format\": \"table\", \"path\": \"piqa.csv\", \"framing\": \"categorical\",\n"
     "    \"columns\": { \"question\": \"goal\", \"options\": [\"sol1\", \"sol2\"], "
     "\"answer\": \"label\" },\n"
     "    \"answers\": \"index0\" }"},
    {"winogrande", "WinoGrande: an index from 1",
     "{ \"format\": \"table\", \"path\": \"winogrande.tsv\", \"framing\": "
     "\"categorical\",\n"
     "    \"columns\": { \"question\": \"sentence\", \"options\": [\"option1\", "
     "\"option2\"],\n"
     "                 \"answer\": \"answer\" },\n"
     "    \"answers\": \"index1\" }"},
    {"openbookqa", "OpenBookQA: a fact before the question",
     "{ \"format\": \"table\", \"path\": \"openbookqa.jsonl\", \"framing\": "
     "\"categorical\",\n"
     "    \"columns\": { \"id\": \"id\", \"question\": \"question.stem\", \"options\": "
     "\"question.choices\",\n"
     "                 \"answer\": \"answerKey\", \"context\": \"fact1\" } }"},
    {"gpqa", "GPQA: the right answer in a column of its own",
     "{ \"format\": \"table\", \"path\": \"gpqa.csv\", \"framing\": \"categorical\",\n"
     "    \"columns\": { \"id\": \"Record ID\", \"question\": \"Question\",\n"
     "                 \"options\": [\"Correct Answer\", \"Incorrect Answer 1\",\n"
     "                             \"Incorrect Answer 2\", \"Incorrect Answer 3\"],\n"
     "                 \"answer\": \"Correct Answer\" },\n"
     "    \"answers\": \"text\", \"keep\": { \"domain\": \"High-level domain\" } }"},
    {"race", "RACE: questions that share an article",
     "{ \"format\": \"table\", \"path\": \"race.jsonl\", \"framing\": \"categorical\",\n"
     "    \"columns\": { \"question\": \"question\", \"options\": \"options\", \"answer\": "
     "\"answer\",\n"
     "                 \"context\": \"article\" },\n"
     "    \"answers\": \"letter\", \"cluster\": \"article\" }"},
    {"quality", "QuALITY, a line a question: an index from 1",
     "{ \"format\": \"table\", \"path\": \"quality.jsonl\", \"framing\": "
     "\"categorical\",\n"
     "    \"columns\": { \"id\": \"question_unique_id\", \"question\": \"question\",\n"
     "                 \"options\": \"options\", \"answer\": \"gold_label\", \"context\": "
     "\"article\" },\n"
     "    \"answers\": \"index1\", \"cluster\": \"article_id\", \"keep\": [\"difficult\"] "
     "}"},
    {"forecast", "forecasting questions with a date, resolved to 0 or 1",
     "{ \"format\": \"table\", \"path\": \"forecast.jsonl\",\n"
     "    \"columns\": { \"id\": \"id\", \"question\": \"question\", \"answer\": "
     "\"resolved_to\",\n"
     "                 \"context\": [\"freeze_date\", \"background\"] },\n"
     "    \"keep\": [\"source\", \"freeze_date\"] }"},
    {"quantities", "quantities, one range for all",
     "{ \"format\": \"table\", \"path\": \"quantities.csv\", \"framing\": "
     "\"continuous\",\n"
     "    \"columns\": { \"question\": \"question\", \"value\": \"truth\" },\n"
     "    \"range\": [0, 100], \"unit\": \"percent\" }"},
    {"truthfulqa-mc1", "TruthfulQA, configuration multiple_choice or mc_task.json",
     "{ \"format\": \"truthfulqa\", \"path\": \"truthfulqa_mc.json\", \"framing\": "
     "\"categorical\" }"},
    {"ethics-export", "an ETHICS export with another column name",
     "{ \"format\": \"ethics-commonsense\", \"path\": \"ethics.jsonl\",\n"
     "    \"columns\": { \"input\": \"text\" } }"},
};

size_t cr_bench_shapes(const struct cr_bench_shape **out) {
    *out = shapes;
    return sizeof shapes / sizeof *shapes;
}
