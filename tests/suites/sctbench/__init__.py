"""The programs of SCTBench (Thomson, Donaldson and Betts, TOPC 2016), written anew from what they are known to do."""
