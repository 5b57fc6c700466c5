"""The segment language over a few people, in this process: the plan's answers without a query for each measure.

Step of the path: segment, language half. What a hundred segments cost over a few people is planning their query, not
reading their rows. So the rows are read with one small query and the definitions are compiled to functions over
them. What they mean is said in `windows.py` once for both ways; that both ways and the oracle agree is tested on
generated segments and histories. Definitions that need the engine (accounts, patterns, folded case, places,
anniversaries) are refused with `NotDirect`, and are answered by the plan.
"""
