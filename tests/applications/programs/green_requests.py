"""requests on green threads that launch.py has patched in: green_requests.py CA PORT."""
from __future__ import print_function

import sys
import threading

import requests

CA, PORT = sys.argv[1], int(sys.argv[2])


def main():
    """Ask from twenty threads, which are green, and once without whom to trust."""
    answers = []

    def ask(number):
        with requests.Session() as session:
            session.trust_env = False
            for turn in range(3):
                url = 'https://localhost:%d/%d-%d' % (PORT, number, turn)
                answers.append(session.get(url, verify=CA, timeout=20).text)
            data = b'x' * 100000
            answers.append(session.post(url, data, verify=CA, timeout=20).text)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(len(answers), sorted(set(answers)))
    try:
        requests.get('https://localhost:%d/' % PORT, timeout=20)
    except requests.exceptions.SSLError as error:
        print(type(error).__name__)


main()
