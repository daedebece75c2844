"""The same market, and the same single question, as tasks of inspect_ai: what a user of it would write.

inspect eval peers_inspect.py@market -T claims=FILE -T prompts=DIR --model openai-api/mock/NAME
"""
import json
import pathlib

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, get_model
from inspect_ai.scorer import Score, accuracy, scorer
from inspect_ai.solver import Generate, TaskState, solver

WINDOW, THRESHOLD, ITERATIONS = 3, 0.2, 10


def read_claims(path):
    rows = map(json.loads, pathlib.Path(path).read_text().splitlines())
    return [Sample(id=row["id"], input=row["proposition"], target=str(row["label"])) for row in rows]


def price_of(text):
    """The price in TEXT, None when there is none."""
    try:
        return float(json.loads(text[text.index("{"):text.rindex("}") + 1])["price"])
    except (ValueError, KeyError, TypeError):
        return None


def converged(prices):
    last = prices[-WINDOW:]
    return len(last) == WINDOW and max(last) - min(last) <= THRESHOLD + 1e-9


@solver
def market_solver(texts):
    async def solve(state: TaskState, generate: Generate):
        model = get_model()
        maker = [ChatMessageSystem(content=texts["maker_system"]), ChatMessageUser(content=state.input_text)]
        trader = [ChatMessageSystem(content=texts["trader_system"])]
        prices = []
        for t in range(ITERATIONS + 1):
            judgment = (await model.generate(maker)).completion
            maker.append(ChatMessageAssistant(content=judgment))
            prices.append(price_of(judgment))
            if None in prices or converged(prices) or t == ITERATIONS:
                break
            trader.append(ChatMessageUser(content=f"{state.input_text}\n{judgment}" if t == 0 else judgment))
            argument = (await model.generate(trader)).completion
            trader.append(ChatMessageAssistant(content=argument))
            maker.append(ChatMessageUser(content="A trader argues: " + argument))
        state.store.set("prices", prices)
        state.messages = maker
        return state
    return solve


@solver
def single_solver(texts):
    async def solve(state: TaskState, generate: Generate):
        chat = [ChatMessageSystem(content=texts["maker_system"]), ChatMessageUser(content=state.input_text)]
        state.store.set("prices", [price_of((await get_model().generate(chat)).completion)])
        return state
    return solve


@scorer(metrics=[accuracy()])
def last_price():
    async def score(state, target):
        price = state.store.get("prices")[-1]
        return Score(value=price is not None and (price > 0.5) == (target.text == "True"))
    return score


def texts_of(prompts):
    return {name: (pathlib.Path(prompts) / f"{name}.txt").read_text() for name in ("maker_system", "trader_system")}


@task
def market(claims: str, prompts: str):
    return Task(dataset=read_claims(claims), solver=market_solver(texts_of(prompts)), scorer=last_price())


@task
def single(claims: str, prompts: str):
    return Task(dataset=read_claims(claims), solver=single_solver(texts_of(prompts)), scorer=last_price())
