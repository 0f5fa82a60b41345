import asyncio
async def f(x):
    await asyncio.Event().wait()
